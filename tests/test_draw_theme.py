"""The one visual language: contrast in both themes, and no colour named elsewhere."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

from dsviz.draw.theme import (
    FAULT_ICONS,
    KIND_COLOURS,
    MEANINGS,
    TOKENS,
    contrast,
    kind_styles,
    role_shapes,
)
from dsviz.sim.faults import FAULTS

PACKAGE = Path(__file__).parents[1] / "dsviz"
MARKS = sorted({*KIND_COLOURS, *MEANINGS.values(), "ink", "edge", "down", "teal"})
TEXTS = sorted({*KIND_COLOURS, *MEANINGS.values(), "ink", "soft"})
GROUNDS = ["background", "panel"]
FILLS = ["fill_node", "fill_active", "fill_changed", "fill_alarm"]


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("mode", TOKENS)
@pytest.mark.parametrize(("mark", "ground"), [*product(MARKS, GROUNDS + FILLS)])
def test_marks_stand_out(mode, mark, ground):
    assert contrast(TOKENS[mode][mark], TOKENS[mode][ground]) >= 3


@pytest.mark.parametrize("mode", TOKENS)
@pytest.mark.parametrize(("text", "ground"), [*product(TEXTS, GROUNDS)])
def test_text_can_be_read(mode, text, ground):
    assert contrast(TOKENS[mode][text], TOKENS[mode][ground]) >= 4.5


@pytest.mark.parametrize("mode", TOKENS)
@pytest.mark.parametrize(
    ("text", "fill"),
    [
        *product(["ink"], FILLS),  # names inside nodes
        ("blue", "fill_active"),  # the chosen tab
        *product(["vermilion", "amber", "purple"], ["fill_alarm"]),  # chips
        ("vermilion", "fill_changed"),
    ],
)
def test_text_on_fills_can_be_read(mode, text, fill):
    assert contrast(TOKENS[mode][text], TOKENS[mode][fill]) >= 4.5


def test_both_themes_have_the_same_tokens():
    assert TOKENS["light"].keys() == TOKENS["dark"].keys()


def test_no_other_file_names_a_colour():
    hexadecimal = re.compile(r"#(?:[0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})\b")
    function = re.compile(r"\b(?:rgba?|hsla?|oklch)\(")
    found = [
        f"{path.relative_to(PACKAGE)}: {match.group()}"
        for folder in ("draw", "widgets")
        for path in sorted((PACKAGE / folder).iterdir())
        if path.suffix in (".py", ".js", ".css") and path.name != "theme.py"
        for pattern in (hexadecimal, function)
        for match in pattern.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_a_reply_has_the_colour_of_its_request_and_another_dash():
    styles = kind_styles([("read", ""), ("value", "read"), ("store", ""), ("late", True)])
    assert styles["value"].colour == styles["read"].colour != styles["store"].colour
    assert styles["value"].dash != styles["read"].dash
    assert styles["late"].dash == styles["value"].dash


def test_every_role_has_a_shape_and_every_fault_an_icon():
    shapes = role_shapes(["client", "replica", "broker", "coordinator", "router", "broker"])
    assert shapes["client"] == "diamond"
    assert len(set(shapes.values())) == 5
    drawn = (PACKAGE / "widgets" / "player_parts" / "icons.js").read_text(encoding="utf-8")
    for fault in FAULTS:
        assert fault in FAULT_ICONS, f"{fault} needs an icon in draw/theme.py"
        assert f"  {FAULT_ICONS[fault]}: " in drawn
