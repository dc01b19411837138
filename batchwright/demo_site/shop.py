"""The shop: home, products, search, cart, checkout and the account."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

from aiohttp import web

from batchwright.demo_site.catalog import PAGE_SIZE, Catalog, Product, money
from batchwright.demo_site.sessions import Order
from batchwright.demo_site.shared import (
    CATALOG,
    SESSION,
    SESSIONS,
    SLOW_PART_SECONDS,
    TEMPLATES,
    respond,
    text_fields,
)
from batchwright.demo_site.templates import Html, Templates

__all__ = ["add_routes"]

USER: Final = "demo"
PASSWORD: Final = "harbor"  # noqa: S105 - the demo account; the login page shows it

SAVED_ADDRESS: Final = {
    "name": "Demo Sailor",
    "email": "demo@example.com",
    "street": "Quay 7",
    "city": "Bergen",
}
"""What the checkout fills in for the demo account."""

MAX_QUANTITY: Final = 99
"""Most items of one product in a cart."""

DELIVERY_COST: Final = {"standard": 0, "express": 1500, "pickup": 0}
"""Ways to get an order, with their cost in cents."""

_RECOMMENDED: Final = slice(0, 3)
_CHECKOUT_FIELDS: Final = {
    "name": "your name",
    "email": "your email address",
    "street": "a street",
    "city": "a city",
}

_routes = web.RouteTableDef()


def add_routes(app: web.Application) -> None:
    """Add the shop's pages to the site."""
    app.add_routes(_routes)


@_routes.get("/")
async def _home(request: web.Request) -> web.Response:
    cards = _cards(request.app[TEMPLATES], request.app[CATALOG].products[_RECOMMENDED])
    return respond(request, "home", {"cards": cards})


@_routes.get("/products")
async def _products(request: web.Request) -> web.Response:
    catalog = request.app[CATALOG]
    number = min(_whole_number(request.query.get("page"), default=1), catalog.page_count)
    return respond(
        request,
        "products",
        {
            "cards": _cards(request.app[TEMPLATES], catalog.page(number)),
            "number": number,
            "page_count": catalog.page_count,
            "first": (number - 1) * PAGE_SIZE + 1,
            "last": min(number * PAGE_SIZE, len(catalog.products)),
            "total": len(catalog.products),
            "pager": _pager(request.app[TEMPLATES], catalog, number),
        },
    )


@_routes.get("/products/{slug}")
async def _product(request: web.Request) -> web.Response:
    product = _product_or_404(request.app[CATALOG], request.match_info["slug"])
    return respond(request, "product", _facts(product))


@_routes.get("/api/recommendations")
async def _recommendations(request: web.Request) -> web.Response:
    await asyncio.sleep(SLOW_PART_SECONDS)
    templates = request.app[TEMPLATES]
    picks = request.app[CATALOG].products[-3:]
    return _html("".join(templates.fragment("recommendation", **_facts(pick)) for pick in picks))


@_routes.get("/api/stock/{slug}")
async def _stock(request: web.Request) -> web.Response:
    product = _product_or_404(request.app[CATALOG], request.match_info["slug"])
    await asyncio.sleep(SLOW_PART_SECONDS)
    name = "in-stock" if product.stock else "sold-out"
    return _html(request.app[TEMPLATES].fragment(name, stock=product.stock))


@_routes.get("/search")
async def _search(request: web.Request) -> web.Response:
    words = request.query.get("q", "").strip()
    found = request.app[CATALOG].search(words)
    count = f"{len(found)} result" if len(found) == 1 else f"{len(found)} results"
    cards = _cards(request.app[TEMPLATES], found)
    return respond(request, "search", {"words": words, "count": count, "cards": cards})


@_routes.get("/cart")
async def _cart(request: web.Request) -> web.Response:
    session, catalog, templates = request[SESSION], request.app[CATALOG], request.app[TEMPLATES]
    if not session.cart:
        return respond(request, "cart-empty")
    rows = [
        templates.fragment(
            "cart-row", **_facts(product), quantity=quantity, sum=money(product.price * quantity)
        )
        for product, quantity in _lines(catalog, session.cart)
    ]
    return respond(
        request, "cart", {"rows": Html("".join(rows)), "total": money(_total(catalog, session.cart))}
    )


@_routes.post("/cart/items")
async def _add_to_cart(request: web.Request) -> web.Response:
    fields = await text_fields(request)
    product = _product_or_404(request.app[CATALOG], fields.get("slug", ""))
    cart = request[SESSION].cart
    wanted = cart.get(product.slug, 0) + _whole_number(fields.get("quantity"), default=1)
    cart[product.slug] = min(wanted, MAX_QUANTITY)
    raise web.HTTPSeeOther("/cart")


@_routes.post("/cart/remove")
async def _remove_from_cart(request: web.Request) -> web.Response:
    fields = await text_fields(request)
    request[SESSION].cart.pop(fields.get("slug", ""), None)
    raise web.HTTPSeeOther("/cart")


@_routes.get("/checkout")
async def _checkout(request: web.Request) -> web.Response:
    if not request[SESSION].cart:
        raise web.HTTPSeeOther("/cart")
    return _checkout_page(request, SAVED_ADDRESS if request[SESSION].user else {}, [])


@_routes.post("/checkout")
async def _place_order(request: web.Request) -> web.Response:
    session, fields = request[SESSION], await text_fields(request)
    if not session.cart:
        raise web.HTTPSeeOther("/cart")
    problems = [f"Please enter {what}." for name, what in _CHECKOUT_FIELDS.items() if not fields.get(name)]
    delivery = fields.get("delivery", "")
    if delivery not in DELIVERY_COST:
        problems.append("Please choose a delivery.")
    if "terms" not in fields:
        problems.append("Please accept the terms.")
    if problems:
        return _checkout_page(request, fields, problems)
    order = Order(
        number=request.app[SESSIONS].next_order_number(),
        name=fields["name"],
        email=fields["email"],
        delivery=delivery,
        total=_total(request.app[CATALOG], session.cart) + DELIVERY_COST[delivery],
    )
    session.orders[order.number] = order
    session.cart.clear()
    raise web.HTTPSeeOther(f"/orders/{order.number}")


@_routes.get("/orders/{number}")
async def _order(request: web.Request) -> web.Response:
    order = request[SESSION].orders.get(request.match_info["number"])
    if order is None:
        raise web.HTTPNotFound
    return respond(request, "order", _order_facts(order))


@_routes.get("/login")
async def _login(request: web.Request) -> web.Response:
    return respond(request, "login", {"username": "", "error": ""})


@_routes.post("/login")
async def _sign_in(request: web.Request) -> web.Response:
    fields = await text_fields(request)
    if (fields.get("username"), fields.get("password")) != (USER, PASSWORD):
        error = request.app[TEMPLATES].fragment("login-error")
        return respond(request, "login", {"username": fields.get("username", ""), "error": error}, status=401)
    request[SESSION].user = USER
    raise web.HTTPSeeOther("/account")


@_routes.post("/logout")
async def _sign_out(request: web.Request) -> web.Response:
    request[SESSION].user = None
    raise web.HTTPSeeOther("/login")


@_routes.get("/account")
async def _account(request: web.Request) -> web.Response:
    session, templates = request[SESSION], request.app[TEMPLATES]
    if session.user is None:
        raise web.HTTPSeeOther("/login")
    orders = [templates.fragment("account-order", **_order_facts(order)) for order in session.orders.values()]
    shown = Html("".join(orders)) if orders else templates.fragment("no-orders")
    return respond(request, "account", {"user": session.user, "orders": shown})


def _checkout_page(request: web.Request, fields: Mapping[str, str], problems: list[str]) -> web.Response:
    templates = request.app[TEMPLATES]
    items = [templates.fragment("problem", text=problem) for problem in problems]
    entered = {name: fields.get(name, "") for name in _CHECKOUT_FIELDS}
    values: dict[str, object] = {
        "problems": templates.fragment("problems", items=Html("".join(items))) if items else "",
        "total": money(_total(request.app[CATALOG], request[SESSION].cart)),
    }
    return respond(request, "checkout", values | entered, status=422 if problems else 200)


def _cards(templates: Templates, products: Iterable[Product]) -> Html:
    return Html("".join(templates.fragment("product-card", **_facts(product)) for product in products))


def _facts(product: Product) -> dict[str, str]:
    return {
        "slug": product.slug,
        "name": product.name,
        "category": product.category,
        "image": product.category.lower(),
        "price": money(product.price),
        "description": product.description,
    }


def _order_facts(order: Order) -> dict[str, str]:
    return {
        "number": order.number,
        "name": order.name,
        "email": order.email,
        "delivery": order.delivery,
        "total": money(order.total),
    }


def _pager(templates: Templates, catalog: Catalog, number: int) -> Html:
    parts = [templates.fragment("pager-step", number=number - 1, label="Previous page")] if number > 1 else []
    parts += [
        templates.fragment("pager-current" if other == number else "pager-page", number=other)
        for other in range(1, catalog.page_count + 1)
    ]
    if number < catalog.page_count:
        parts.append(templates.fragment("pager-step", number=number + 1, label="Next page"))
    return Html("".join(parts))


def _lines(catalog: Catalog, cart: Mapping[str, int]) -> list[tuple[Product, int]]:
    found = ((catalog.find(slug), quantity) for slug, quantity in cart.items())
    return [(product, quantity) for product, quantity in found if product is not None]


def _total(catalog: Catalog, cart: Mapping[str, int]) -> int:
    return sum(product.price * quantity for product, quantity in _lines(catalog, cart))


def _product_or_404(catalog: Catalog, slug: str) -> Product:
    product = catalog.find(slug)
    if product is None:
        raise web.HTTPNotFound
    return product


def _whole_number(text: str | None, *, default: int) -> int:
    """A positive whole number typed by a visitor; anything else counts as the default."""
    try:
        return max(1, int(text or default))
    except ValueError:
        return default


def _html(fragment: str) -> web.Response:
    return web.Response(text=fragment, content_type="text/html")
