"""Money: everything is a Decimal, rounded to cents at the edges."""

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


def round_to_cents(price: Decimal) -> Decimal:
    """Half up, as invoices do."""
    return price.quantize(CENT, rounding=ROUND_HALF_UP)


def with_discount(price: Decimal, percent: Decimal) -> Decimal:
    """The price after a discount, rounded to cents."""
    return round_to_cents(price * (100 - percent) / 100)


def split_evenly(amount: Decimal, parts: int) -> list[Decimal]:
    """Shares that add up to the amount; the first ones take the odd cents."""
    share = (amount / parts).quantize(CENT)
    rest = amount - share * parts
    return [share + (CENT if i * CENT < rest else 0) for i in range(parts)]


def with_tax(price: Decimal, percent: Decimal) -> Decimal:
    """The price including tax, rounded to cents."""
    
