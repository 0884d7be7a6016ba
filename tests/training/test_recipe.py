"""Recipes: what they say, and what is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.training.architectures import ARCHITECTURES, new_model
from engine.training.recipe import HERE, RecipeError, rate_share, read_recipe, recipe_of
from tests.training.tiny_data import recipe

STAGE = {"context": 8, "sequences": 2, "steps": 3}


@pytest.mark.parametrize("name", sorted(file.stem for file in HERE.glob("*.toml")))
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_recipes_that_come_along_fit_every_architecture(name: str, architecture: str) -> None:
    """With as many parameters, but for gates, memory and positions."""
    read = read_recipe(Path(name))
    sizes = {
        one: sum(
            weight.numel()
            for weight in new_model(
                one, read.shape(one), vocabulary=16384, context=read.longest, seed=1
            ).parameters()
        )
        for one in {architecture, "standard"}
    }
    assert 1 <= sizes[architecture] / sizes["standard"] < 1.1


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ({"stage": [STAGE], "learning": 1}, "learning"),
        ({"stage": [STAGE], "learning_rate": "much"}, "learning_rate"),
        ({"stage": []}, r"no \[\[stage\]\]"),
        ({"stage": [STAGE | {"steps": 0}]}, "at least 1"),
        ({"stage": [STAGE], "carried": 3}, "multiple of carried"),
    ],
)
def test_what_a_recipe_should_not_say_is_refused_by_name(raw: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence):
        recipe_of(raw, "a.toml")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("wrong", [{"layerz": 2}, {"heads": 3}])
def test_what_a_shape_should_not_say_is_refused(architecture: str, wrong: dict[str, Any]) -> None:
    table = {**recipe(model={}).shape(architecture), **recipe().model, "kv_heads": 2, **wrong}
    with pytest.raises(RecipeError, match=f"table of {architecture}"):
        new_model(architecture, table, vocabulary=64, context=32, seed=1)


def test_a_recipe_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="recipes that come with CodeFlow: small, tiny"):
        read_recipe(tmp_path / "none.toml")
    (tmp_path / "torn.toml").write_text("[model", "utf-8")
    with pytest.raises(RecipeError, match="no TOML"):
        read_recipe(tmp_path / "torn.toml")


def test_the_rate_goes_up_in_a_line_and_down_as_a_cosine() -> None:
    shares = [rate_share(step, 100, 0.1, 0.1) for step in range(101)]
    assert shares[:10] == pytest.approx([(n + 1) / 11 for n in range(10)])
    assert shares[10] == 1.0 and shares[55] == pytest.approx(0.55) and shares[100] == pytest.approx(0.1)
    assert sorted(shares[10:], reverse=True) == shares[10:]


def test_stages_follow_each_other() -> None:
    two = recipe(stage=[STAGE, STAGE | {"context": 16}])
    assert [two.at(step) for step in range(6)] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert (two.steps, two.tokens, two.longest) == (6, 144, 16)
