"""What a bookshop keeps in its databases, and how each of them comes to harm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Content:
    """What a database holds, what somebody does to it after its backup, and what is asked then."""

    database: str
    story: str
    statements: tuple[str, ...]
    mishap: str
    sql: str


POSTGRESQL = Content(
    database="shop",
    story="a PostgreSQL database: books, and two thousand sales of them",
    statements=(
        """CREATE TABLE books (isbn text PRIMARY KEY, title text NOT NULL, price numeric(8,2) NOT NULL, tags text[])""",
        """INSERT INTO books VALUES
        ('9780141439518', 'Pride and Prejudice', 7.99, '{novel,classic}'),
        ('9780142437247', 'Moby-Dick', 12.50, '{novel,sea}'),
        ('9780486280615', 'Don Quijote de la Mancha', 18.90, '{novel,spanish}'),
        ('9780307474728', 'Cien años de soledad', 14.20, '{novel,spanish}')""",
        """CREATE TABLE sales (id bigint PRIMARY KEY, isbn text NOT NULL, sold timestamptz NOT NULL, copies integer)""",
        """INSERT INTO sales
        SELECT n, (ARRAY['9780141439518', '9780142437247', '9780486280615', '9780307474728'])[1 + n % 7 % 4],
               timestamptz '2025-12-01 09:00:00Z' + n * interval '20 minutes', 1 + n % 3
        FROM generate_series(1, 2000) n""",
    ),
    mishap="UPDATE books SET price = 0",
    sql="SELECT title, price, sum(copies) AS sold FROM shop.public.books JOIN shop.public.sales USING (isbn) "
    "GROUP BY title, price ORDER BY title",
)

WAREHOUSE = Content(
    database="warehouse",
    story="a MariaDB database: which shelf holds what",
    statements=(
        """CREATE TABLE shelves (shelf varchar(10), isbn char(13), copies int unsigned, PRIMARY KEY (shelf, isbn))""",
        """INSERT INTO shelves VALUES
        ('A1', '9780141439518', 40), ('A1', '9780142437247', 12), ('A2', '9780486280615', 25),
        ('B7', '9780307474728', 60), ('B7', '9780142437247', 8)""",
    ),
    mishap="DELETE FROM shelves",
    sql="SELECT shelf, count(*) AS titles, sum(copies) AS copies FROM warehouse.shelves GROUP BY shelf ORDER BY shelf",
)

_CUSTOMERS = ("Ada Lovelace", "Miguel de Cervantes", "Murasaki Shikibu", "Zoë O'Brien")


def _order(number: int) -> dict[str, Any]:
    titles = [{"M": {"isbn": {"S": "9780142437247"}, "copies": {"N": str(1 + number % 2)}}}]
    return {
        "id": {"S": f"o-{1000 + number}"},
        "customer": {"S": _CUSTOMERS[number % len(_CUSTOMERS)]},
        "status": {"S": "open" if number % 5 == 0 else "delivered"},
        "total": {"N": f"{12.5 * (1 + number % 2) + 3.99:.2f}"},
        "titles": {"L": titles},
        **({"gift": {"BOOL": True}} if number % 3 == 0 else {}),
    }


ORDERS = tuple(map(_order, range(1, 21)))
"""Items of a DynamoDB table, as its API has them."""


def is_open(order: dict[str, Any]) -> bool:
    """Whether the customer still waits for it."""
    return bool(order["status"] == {"S": "open"})
