"""The generators behind ``${dynamic.<name>}`` (workflow-format.md, section 10)."""

from __future__ import annotations

import string
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from secrets import SystemRandom
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from nodes.matching import iso_text, js_number_text

if TYPE_CHECKING:
    from faker import Faker

__all__ = ["GENERATORS", "generate", "names"]

Generator = Callable[[], str]

# Processes that are forked share the state of an ordinary generator and would draw the same values.
_RANDOM = SystemRandom()

_DAY = timedelta(days=1)
_YEAR = timedelta(days=365)
_LETTERS_AND_DIGITS = string.ascii_letters + string.digits
_HEX_DIGITS = "0123456789abcdef"
_BASE58 = "".join(char for char in string.digits + string.ascii_letters if char not in "0OIl")

_ACCOUNT_KINDS = (
    "Auto Loan",
    "Checking",
    "Credit Card",
    "Home Loan",
    "Investment",
    "Money Market",
    "Savings",
)
_DEPARTMENTS = (
    *("Automotive", "Baby", "Beauty", "Books", "Clothing", "Computers", "Electronics", "Games", "Garden"),
    *("Grocery", "Health", "Home", "Industrial", "Jewelry", "Kids", "Movies", "Music", "Outdoors", "Shoes"),
    *("Sports", "Tools", "Toys"),
)
_PRODUCTS = (
    *("Ball", "Bike", "Car", "Chair", "Computer", "Gloves", "Hat", "Keyboard", "Mouse", "Pants", "Shirt"),
    *("Shoes", "Soap", "Table", "Towels"),
)
_ADJECTIVES = (
    *("Awesome", "Elegant", "Ergonomic", "Fantastic", "Generic", "Gorgeous", "Handcrafted", "Incredible"),
    *("Intelligent", "Licensed", "Practical", "Recycled", "Refined", "Rustic", "Sleek", "Tasty"),
)
_MATERIALS = ("Bronze", "Concrete", "Cotton", "Granite", "Metal", "Plastic", "Rubber", "Steel", "Wooden")
_COLUMNS = (
    *("avatar", "category", "comment", "createdAt", "email", "group", "id", "name", "password", "phone"),
    *("status", "title", "token", "updatedAt"),
)
_COLUMN_TYPES = (
    *("bigint", "binary", "blob", "boolean", "date", "datetime", "decimal", "double", "enum", "float", "int"),
    *("mediumint", "point", "smallint", "text", "time", "timestamp", "tinyint", "varchar"),
)
_ENGINES = ("ARCHIVE", "BLACKHOLE", "CSV", "InnoDB", "MEMORY", "MyISAM")
_COLLATIONS = (
    *("ascii_bin", "ascii_general_ci", "cp1250_bin", "cp1250_general_ci", "utf8_bin", "utf8_general_ci"),
    *("utf8_unicode_ci", "utf8mb4_general_ci", "utf8mb4_unicode_ci"),
)


def generate(name: str) -> str | None:
    """Generate a new value for a name, in any case (workflow-format.md, section 10).

    Returns:
        The value as text, or None when no generator has that name.
    """
    generator = _BY_LOWER_NAME.get(name.lower())
    return None if generator is None else generator()


def names() -> tuple[str, ...]:
    """List the names of all generators as section 10 of workflow-format.md spells them."""
    return tuple(GENERATORS)


@cache
def _faker() -> Faker:
    # Importing Faker takes a noticeable part of a second, and few workflows use it.
    from faker import Faker  # noqa: PLC0415

    faker = Faker("en_US", use_weighting=False)
    faker.factories[0].random = _RANDOM
    return faker


def _faked(method: str) -> Generator:
    """Make a generator of one of Faker's methods."""
    return lambda: str(getattr(_faker(), method)())


def _one_of(choices: tuple[str, ...]) -> Generator:
    return lambda: _RANDOM.choice(choices)


def _characters(alphabet: str, fewest: int, most: int | None = None) -> Generator:
    """Make a generator of texts over an alphabet, of one length or between two."""
    return lambda: "".join(_RANDOM.choices(alphabet, k=_RANDOM.randint(fewest, most or fewest)))


def _integer(lowest: int, highest: int) -> Generator:
    return lambda: str(_RANDOM.randint(lowest, highest))


def _decimal(lowest: int, highest: int, places: int) -> Generator:
    """Make a generator of numbers that always show all their decimals."""
    scale = 10**places
    return lambda: f"{_RANDOM.randint(lowest * scale, highest * scale) / scale:.{places}f}"


def _moment(earliest: timedelta, latest: timedelta) -> Generator:
    """Make a generator of ISO timestamps, given their distance from now."""

    def generator() -> str:
        return iso_text(datetime.now(UTC) + earliest + (latest - earliest) * _RANDOM.random())

    return generator


def _joined(*generators: Generator) -> Generator:
    return lambda: " ".join(generator() for generator in generators)


def _around(prefix: str, varying: Generator, suffix: str = "") -> Generator:
    return lambda: f"{prefix}{varying()}{suffix}"


def _uuid() -> str:
    return str(uuid.uuid4())


def _password() -> str:
    """Give 12 letters and digits of every kind; other characters would break URLs and JSON bodies."""
    return str(_faker().password(length=12, special_chars=False))


def _ip() -> str:
    return _RANDOM.choice((_faked("ipv4"), _faked("ipv6")))()


def _bitcoin_address() -> str:
    return _RANDOM.choice("13") + _characters(_BASE58, 25, 33)()


def _year() -> str:
    return str(datetime.now(UTC).year - _RANDOM.randrange(10))


def _words() -> str:
    return " ".join(_faker().words(_RANDOM.randint(3, 7)))


def _text() -> str:
    """Give a few sentences on one line, so that the text fits into a JSON string."""
    return " ".join(_faker().sentences(_RANDOM.randint(3, 5)))


GENERATORS: Final[Mapping[str, Generator]] = MappingProxyType(
    {
        "guid": _uuid,
        "randomUUID": _uuid,
        "timestamp": lambda: str(int(datetime.now(UTC).timestamp())),
        "isoTimestamp": lambda: iso_text(datetime.now(UTC)),
        "randomAlphaNumeric": _characters(_LETTERS_AND_DIGITS, 10, 20),
        "randomBoolean": _one_of(("true", "false")),
        "randomInt": _integer(0, 1000),
        "randomNumber": _integer(0, 2**53 - 1),
        "randomFloat": lambda: js_number_text(_RANDOM.random()),
        "randomAlpha": _characters(string.ascii_letters, 5, 10),
        "randomNumeric": _characters(string.digits, 5, 10),
        "randomColor": _faked("safe_color_name"),
        "randomHexColor": _around("#", _characters(_HEX_DIGITS, 6)),
        "randomAbbreviation": _characters(string.ascii_uppercase, 3),
        "randomFirstName": _faked("first_name"),
        "randomLastName": _faked("last_name"),
        "randomFullName": _joined(_faked("first_name"), _faked("last_name")),
        "randomNamePrefix": _faked("prefix"),
        "randomNameSuffix": _faked("suffix"),
        "randomIP": _ip,
        "randomIPV6": _faked("ipv6"),
        "randomMACAddress": _faked("mac_address"),
        "randomEmail": _faked("email"),
        "randomPassword": _password,
        "randomUsername": _faked("user_name"),
        "randomUserAgent": _faked("user_agent"),
        "randomProtocol": _one_of(("http", "https")),
        "randomUrl": _faked("url"),
        "randomDomain": _faked("domain_name"),
        "randomCity": _faked("city"),
        "randomCountry": _faked("country"),
        "randomState": _faked("state"),
        "randomStreetName": _faked("street_name"),
        "randomStreetAddress": _faked("street_address"),
        "randomCountryCode": _faked("country_code"),
        "randomStateAbbr": _faked("state_abbr"),
        "randomLatitude": _decimal(-90, 90, 4),
        "randomLongitude": _decimal(-180, 180, 4),
        "randomPhoneNumber": _faked("phone_number"),
        "randomZipCode": _faked("postcode"),
        "randomPostCode": _faked("postcode"),
        "randomCompanyName": _faked("company"),
        "randomJobTitle": _faked("job"),
        "randomDepartment": _one_of(_DEPARTMENTS),
        "randomProductName": _joined(_one_of(_ADJECTIVES), _one_of(_MATERIALS), _one_of(_PRODUCTS)),
        "randomProduct": _one_of(_PRODUCTS),
        "randomProductAdjective": _one_of(_ADJECTIVES),
        "randomProductMaterial": _one_of(_MATERIALS),
        "randomCatchPhrase": _faked("catch_phrase"),
        "randomBs": _faked("bs"),
        "randomBankAccount": _characters(string.digits, 8),
        "randomBankAccountName": _around("", _one_of(_ACCOUNT_KINDS), " Account"),
        "randomCreditCardNumber": _faked("credit_card_number"),
        "randomCurrency": _faked("currency_name"),
        "randomCurrencyCode": _faked("currency_code"),
        "randomAmount": _decimal(0, 1000, 2),
        "randomBitcoinAddress": _bitcoin_address,
        "randomDatePast": _moment(-_YEAR, timedelta(0)),
        "randomDateFuture": _moment(timedelta(minutes=1), _YEAR),
        "randomDateRecent": _moment(-_DAY, timedelta(0)),
        "randomMonth": _faked("month_name"),
        "randomWeekday": _faked("day_of_week"),
        "randomYear": _year,
        "randomDatabaseColumn": _one_of(_COLUMNS),
        "randomDatabaseType": _one_of(_COLUMN_TYPES),
        "randomDatabaseEngine": _one_of(_ENGINES),
        "randomDatabaseCollation": _one_of(_COLLATIONS),
        "randomWord": _faked("word"),
        "randomWords": _words,
        "randomSentence": _faked("sentence"),
        "randomParagraph": _faked("paragraph"),
        "randomText": _text,
        "randomImageUrl": _around(
            "https://picsum.photos/seed/", _characters(_LETTERS_AND_DIGITS, 10), "/640/480"
        ),
        "randomAvatar": _around("https://avatars.githubusercontent.com/u/", _integer(1, 99_999_999)),
    }
)
"""Every generator by its name, in the order of section 10."""

_BY_LOWER_NAME: Final = {name.lower(): generator for name, generator in GENERATORS.items()}
