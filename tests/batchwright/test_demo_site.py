"""The demo shop, asked over HTTP on a real port."""

from __future__ import annotations

import asyncio
import csv
import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar, FormData
from yarl import URL

from batchwright.demo_site import build_site, serve_site
from batchwright.demo_site.sessions import MAX_SESSIONS, SessionStore
from batchwright.demo_site.templates import Html, Page, Templates

EXAMPLES = Path(__file__).parents[2] / "examples"
PAGES = EXAMPLES / "site"

PLAYGROUND_PAGES = sorted(path.stem for path in (PAGES / "pages" / "playground").glob("*.html"))
SHOP_PATHS = [
    "/",
    "/products",
    "/products/deck-brush",
    "/search?q=rope",
    "/cart",
    "/login",
    "/forms",
    "/playground",
]

ADDRESS = {"name": "Ada", "email": "ada@example.com", "street": "Quay 7", "city": "Bergen"}


@pytest.fixture
async def base_url() -> AsyncIterator[str]:
    async with serve_site(PAGES) as url:
        yield url


@pytest.fixture
async def visitor(base_url: str) -> AsyncIterator[ClientSession]:
    async with new_visitor(base_url) as session:
        yield session


def new_visitor(base_url: str) -> ClientSession:
    # The default cookie jar refuses cookies from an IP address.
    return ClientSession(base_url, cookie_jar=CookieJar(unsafe=True))


async def read(visitor: ClientSession, path: str, status: int = HTTPStatus.OK) -> str:
    async with visitor.get(path) as response:
        assert response.status == status
        return await response.text()


async def send(
    visitor: ClientSession, path: str, status: int = HTTPStatus.OK, /, **fields: str
) -> tuple[URL, str]:
    async with visitor.post(path, data=fields) as response:
        assert response.status == status
        return response.url, await response.text()


def shown(page: str, test_id: str) -> str:
    found = re.search(rf'data-testid="{test_id}"[^>]*>([^<]*)<', page)
    assert found, f"{test_id} is not on the page"
    return found[1]


@pytest.mark.parametrize("path", [*SHOP_PATHS, *(f"/playground/{name}" for name in PLAYGROUND_PAGES)])
async def test_page_opens_with_one_headline_and_no_address_outside(visitor: ClientSession, path: str) -> None:
    page = await read(visitor, path)
    assert page.count("<h1") == 1
    assert "https://" not in page
    assert not re.search(r"\$[a-z]", page), "a placeholder was left over"


async def test_playground_lists_its_pages(visitor: ClientSession) -> None:
    index = await read(visitor, "/playground")
    reached_from_another_page = {"terms", "tides"}
    for name in set(PLAYGROUND_PAGES) - reached_from_another_page:
        assert f'href="/playground/{name}"' in index


async def test_links_of_every_page_lead_somewhere(visitor: ClientSession) -> None:
    paths = [*SHOP_PATHS, *(f"/playground/{name}" for name in PLAYGROUND_PAGES)]
    pages = [await read(visitor, path) for path in paths]
    targets = {target for page in pages for target in re.findall(r'(?:href|src|data-load)="(/[^"]*)"', page)}
    for target in targets - {"/broken", "/slow"}:
        await read(visitor, target)


async def test_right_password_signs_in(visitor: ClientSession) -> None:
    url, page = await send(visitor, "/login", username="demo", password="harbor")
    assert url.path == "/account"
    assert shown(page, "welcome") == "Welcome back, demo"
    assert shown(await read(visitor, "/"), "account-link") == "demo"


async def test_wrong_password_is_refused_and_the_name_kept(visitor: ClientSession) -> None:
    url, page = await send(visitor, "/login", HTTPStatus.UNAUTHORIZED, username='de"mo', password="anchor")
    assert url.path == "/login"
    assert shown(page, "login-error") == "Wrong username or password."
    assert 'value="de&quot;mo"' in page


async def test_account_asks_to_sign_in_again_after_signing_out(visitor: ClientSession) -> None:
    await send(visitor, "/login", username="demo", password="harbor")
    await send(visitor, "/logout")
    async with visitor.get("/account") as response:
        assert response.url.path == "/login"


async def test_products_come_in_pages(visitor: ClientSession) -> None:
    first, last = await read(visitor, "/products"), await read(visitor, "/products?page=4")
    assert first.count('data-testid="product-card"') == 6
    assert "Next page" in first
    assert "Previous page" not in first
    assert "Next page" not in last
    assert "Signal horn" in last


@pytest.mark.parametrize(("asked", "given"), [("0", "1"), ("-3", "1"), ("x", "1"), ("", "1"), ("99", "4")])
async def test_page_out_of_range_becomes_the_nearest(visitor: ClientSession, asked: str, given: str) -> None:
    assert shown(await read(visitor, f"/products?page={asked}"), "current-page") == given


async def test_late_parts_of_a_page_arrive(visitor: ClientSession) -> None:
    ideas, plenty, none = await asyncio.gather(
        read(visitor, "/api/recommendations"),
        read(visitor, "/api/stock/signal-horn"),
        read(visitor, "/api/stock/tide-clock"),
    )
    assert ideas.count('data-testid="recommendation"') == 3
    assert "In stock: 50 left" in plenty
    assert "Sold out" in none


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("compass", "1 result"),
        ("ROPE", "5 results"),
        ("brass clock", "1 result"),
        ("submarine", "0 results"),
        ("", "0 results"),
    ],
)
async def test_search_finds_products_with_all_the_words(
    visitor: ClientSession, words: str, count: str
) -> None:
    page = await read(visitor, f"/search?q={words}")
    assert shown(page, "result-count") == count
    assert page.count('data-testid="product-card"') == int(count.split(maxsplit=1)[0])


async def test_search_words_are_escaped(visitor: ClientSession) -> None:
    page = await read(visitor, "/search?q=<script>")
    assert "<script>" not in page
    assert shown(page, "search-words") == "&lt;script&gt;"


async def test_cart_adds_up_and_gives_back(visitor: ClientSession) -> None:
    await send(visitor, "/cart/items", slug="deck-brush", quantity="2")
    url, page = await send(visitor, "/cart/items", slug="tide-clock")
    assert url.path == "/cart"
    assert (shown(page, "cart-count"), shown(page, "cart-total")) == ("3", "$78.80")
    _, page = await send(visitor, "/cart/remove", slug="deck-brush")
    assert shown(page, "cart-total") == "$45.00"
    _, page = await send(visitor, "/cart/remove", slug="tide-clock")
    assert shown(page, "empty-cart") == "Your cart is empty."


async def test_order_is_confirmed_and_empties_the_cart(visitor: ClientSession) -> None:
    await send(visitor, "/cart/items", slug="deck-brush")
    url, page = await send(visitor, "/checkout", **ADDRESS, delivery="express", terms="yes")
    number = shown(page, "order-number")
    assert url.path == f"/orders/{number}"
    assert re.fullmatch(r"HS-\d+", number)
    assert shown(page, "order-total") == "$31.90"
    assert shown(page, "cart-count") == "0"


async def test_incomplete_order_names_what_is_missing(visitor: ClientSession) -> None:
    await send(visitor, "/cart/items", slug="deck-brush")
    _, page = await send(
        visitor, "/checkout", HTTPStatus.UNPROCESSABLE_ENTITY, name="Ada", delivery="balloon"
    )
    problems = re.findall(r"<li>(Please[^<]*)</li>", page)
    assert problems == [
        "Please enter your email address.",
        "Please enter a street.",
        "Please enter a city.",
        "Please choose a delivery.",
        "Please accept the terms.",
    ]
    assert 'name="name" value="Ada"' in page


async def test_checkout_without_items_leads_to_the_cart(visitor: ClientSession) -> None:
    async with visitor.get("/checkout") as response:
        assert response.url.path == "/cart"
    url, _ = await send(visitor, "/checkout", **ADDRESS, delivery="standard", terms="yes")
    assert url.path == "/cart"


async def test_visitors_do_not_see_each_other(base_url: str) -> None:
    async with new_visitor(base_url) as ada, new_visitor(base_url) as grace:
        await send(ada, "/login", username="demo", password="harbor")
        await send(ada, "/cart/items", slug="deck-brush")
        url, _ = await send(ada, "/checkout", **ADDRESS, delivery="pickup", terms="yes")
        await send(ada, "/cart/items", slug="tide-clock")
        assert shown(await read(grace, "/"), "cart-count") == "0"
        assert "Sign in" in await read(grace, "/")
        await read(grace, url.path, HTTPStatus.NOT_FOUND)


async def test_orders_placed_at_once_have_numbers_of_their_own(base_url: str) -> None:
    async def order() -> str:
        async with new_visitor(base_url) as visitor:
            await send(visitor, "/cart/items", slug="deck-brush")
            _, page = await send(visitor, "/checkout", **ADDRESS, delivery="standard", terms="yes")
            return shown(page, "order-number")

    numbers = await asyncio.gather(*(order() for _ in range(20)))
    assert len(set(numbers)) == len(numbers)


async def test_form_shows_what_arrived(visitor: ClientSession) -> None:
    form = FormData({"boat": "<Gull>", "remarks": ""})
    form.add_field("services", "water")
    form.add_field("services", "fuel")
    form.add_field("papers", b"12345", filename="papers.txt")
    form.add_field("photos", b"", filename="", content_type="application/octet-stream")
    async with visitor.post("/forms", data=form) as response:
        page = await response.text()
    assert shown(page, "echo-boat") == "&lt;Gull&gt;"
    assert shown(page, "echo-remarks") == "(empty)"
    assert shown(page, "echo-services") == "water, fuel"
    assert shown(page, "echo-papers") == "papers.txt (5 bytes)"
    assert shown(page, "echo-photos") == "(empty)"


async def test_form_has_every_kind_of_input(visitor: ClientSession) -> None:
    page = await read(visitor, "/forms")
    for kind in [
        "email",
        "password",
        "number",
        "date",
        "time",
        "color",
        "range",
        "radio",
        "checkbox",
        "file",
    ]:
        assert f'type="{kind}"' in page
    for piece in ["<textarea", "<select", " multiple", "<datalist", 'contenteditable="true"']:
        assert piece in page


async def test_stock_report_is_a_file_with_all_products(visitor: ClientSession) -> None:
    async with visitor.get("/downloads/stock-report.csv") as response:
        assert response.headers["Content-Disposition"] == 'attachment; filename="stock-report.csv"'
        rows = list(csv.DictReader((await response.text()).splitlines()))
    assert len(rows) == 24
    assert rows[0] == {"product": "Dock line 12 mm", "category": "Ropes", "price": "$34.50", "stock": "40"}


async def test_feed_ends(visitor: ClientSession) -> None:
    async with visitor.get("/api/feed?offset=20") as response:
        feed = await response.json()
    assert (feed["items"][0], feed["items"][-1], feed["more"]) == ("Harbor news 21", "Harbor news 30", False)
    await read(visitor, "/api/feed?offset=x", HTTPStatus.BAD_REQUEST)


async def test_frame_comes_without_the_shop_around_it(visitor: ClientSession) -> None:
    page = await read(visitor, "/embed/size-guide")
    assert page.startswith("<!doctype html>")
    assert "site-header" not in page


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/broken", HTTPStatus.INTERNAL_SERVER_ERROR),
        ("/slow", HTTPStatus.OK),
        ("/nowhere", HTTPStatus.NOT_FOUND),
        ("/products/submarine", HTTPStatus.NOT_FOUND),
        ("/orders/HS-1", HTTPStatus.NOT_FOUND),
    ],
)
async def test_special_pages_answer_with_their_status(visitor: ClientSession, path: str, status: int) -> None:
    assert "Harbor Supply" in await read(visitor, path, status)


async def test_missing_static_file_is_not_found(visitor: ClientSession) -> None:
    await read(visitor, "/static/nothing.css", HTTPStatus.NOT_FOUND)


async def test_files_outside_the_static_folder_stay_hidden(visitor: ClientSession, base_url: str) -> None:
    async with visitor.get(URL(f"{base_url}/static/%2e%2e/products.json", encoded=True)) as response:
        assert response.status == HTTPStatus.NOT_FOUND


async def test_port_in_use_is_an_error(base_url: str) -> None:
    with pytest.raises(OSError, match="address already in use"):
        async with serve_site(PAGES, port=URL(base_url).port or 0):
            pytest.fail("two servers on one port")


async def test_port_is_free_after_the_block() -> None:
    async with serve_site(PAGES) as first:
        pass
    async with serve_site(PAGES, port=URL(first).port or 0) as second:
        assert second == first


def test_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        build_site(tmp_path)


def test_forgotten_visitor_is_the_one_unseen_for_longest() -> None:
    store = SessionStore()
    tokens = [store.find_or_create("")[0] for _ in range(MAX_SESSIONS)]
    kept = store.find_or_create(tokens[0])[1]
    store.find_or_create("")
    assert store.find_or_create(tokens[0]) == (tokens[0], kept)
    assert store.find_or_create(tokens[1])[0] != tokens[1]


def test_templates_escape_values_but_not_html() -> None:
    page = Page.parse("<!-- title: About $name -->\n<p>$name</p>$extra")
    templates = Templates("<title>$title</title>$content", {"about": page}, {})
    shown_page = templates.page("about", {}, {"name": "<b>", "extra": Html("<hr>")})
    assert shown_page == "<title>About &lt;b&gt;</title><p>&lt;b&gt;</p><hr>"
