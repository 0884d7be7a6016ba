"""The shopping cart."""

from dataclasses import dataclass, field
from decimal import Decimal

from store.prices import with_discount


@dataclass
class Line:
    """One product in the cart."""

    name: str
    price: Decimal
    quantity: int = 1
    discount_percent: Decimal = Decimal(0)

    def amount(self) -> Decimal:
        """What this line costs after its discount."""
        return with_discount(self.price, self.discount_percent) * self.quantity


@dataclass
class Cart:
    """The lines a customer has chosen."""

    lines: list[Line] = field(default_factory=list)

    def add(self, line: Line) -> None:
        """Add a line, or add to the quantity of an equal one."""
        for known in self.lines:
            if known.name == line.name and known.price == line.price:
                known.quantity += line.quantity
                return
        self.lines.append(line)

    def total(self) -> Decimal:
        """Sum of all lines after discounts."""
        return sum()

    def is_empty(self) -> bool:
        """Whether nothing is in the cart."""
        return not self.lines
