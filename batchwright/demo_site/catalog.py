"""What the shop sells."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

__all__ = ["PAGE_SIZE", "Catalog", "Product", "money"]

PAGE_SIZE: Final = 6
"""Products on one page of the list."""


@dataclass(frozen=True, slots=True)
class Product:
    """One product; ``price`` is in cents."""

    slug: str
    name: str
    category: str
    price: int
    stock: int
    description: str


class Catalog:
    """All products, in the order of the file."""

    def __init__(self, products: Sequence[Product]) -> None:
        self.products: Final = tuple(products)
        self._by_slug = {product.slug: product for product in products}

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the products from a JSON array of objects."""
        return cls([Product(**entry) for entry in json.loads(path.read_text("utf-8"))])

    @property
    def page_count(self) -> int:
        """Number of pages of the list, at least one."""
        return max(1, -(-len(self.products) // PAGE_SIZE))

    def page(self, number: int) -> Sequence[Product]:
        """The products of one page, counted from 1."""
        return self.products[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]

    def find(self, slug: str) -> Product | None:
        """The product with this slug, if the shop has it."""
        return self._by_slug.get(slug)

    def search(self, words: str) -> Sequence[Product]:
        """Products whose name, category or description contains all the words; none without words."""
        wanted = words.casefold().split()
        if not wanted:
            return []
        return [product for product in self.products if _contains_all(product, wanted)]


def money(cents: int) -> str:
    """A price as the shop shows it, such as ``$1,249.00``."""
    return f"${cents / 100:,.2f}"


def _contains_all(product: Product, words: Sequence[str]) -> bool:
    text = f"{product.name} {product.category} {product.description}".casefold()
    return all(word in text for word in words)
