"""Folders that windows are opened on: small programs with a place where something is missing."""

from __future__ import annotations

from pathlib import Path

REPORTS = '''"""Reports on animals."""


def report_cats(cats):
    print("cats")
    for cat in cats:
        print(cat.name)
    print("end of cats")


def report_dogs(dogs):
    print("dogs")
    for dog in dogs:
        print(dog.name)
    print("end of dogs")


def report_birds(birds):
'''
TOTALS = """// Totals.

export function addCats(cats: number[]): number {
  let total = 0;
  for (const cat of cats) {
    total += cat;
  }
  return total;
}

export function largestCat(cats: number[]): number {
  return Math.max(...cats);
}

export function smallestCat(cats: number[]): number {
}
"""
PRICES = '''"""Prices."""


def total(prices):
    """The sum of all prices."""


def mean(prices):
    """The mean of all prices."""
    return total(prices) / len(prices)


def check(prices):
    if not prices:
        raise ValueError("no prices")
    else:
        print(len(prices) + 1)
'''


def write(folder: Path, files: dict[str, str]) -> Path:
    """The folder, with those files in it."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def line_of(text: str, fragment: str) -> int:
    """The number (from 1) of the first line with ``fragment`` in it."""
    return next(number for number, line in enumerate(text.splitlines(), 1) if fragment in line)
