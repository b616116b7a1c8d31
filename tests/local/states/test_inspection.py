"""What an expression refers to, without evaluating it."""

from __future__ import annotations

import pytest

from backup_actions_local.states.inspection import references


@pytest.mark.parametrize(
    ("expression", "variables"),
    [
        ("$a + $b", {"a", "b"}),
        ("($own := 1; $own + $a)", {"a"}),
        ("$map($a, function($v, $i) {$v.x + $b})", {"a", "b"}),
        ("$a.{'x': y, 'z': $w}", {"a", "w"}),
        ("$a[$.k = $c]", {"a", "c"}),
        ("$reduce($a, $append, [])", {"a"}),
        ("$a ? $b : $c", {"a", "b", "c"}),
        ("$nosuch(1)", {"nosuch"}),
    ],
)
def test_the_variables_that_come_from_outside_are_found(expression: str, variables: set[str]) -> None:
    found = references(expression)
    assert found.variables == variables
    assert found.mistakes == []


def test_the_paths_below_states_are_found() -> None:
    found = references("$states.result.Volumes[0].State & $states.context.State.Name")
    assert found.states_paths == {("result", "Volumes", "State"), ("context", "State", "Name")}


@pytest.mark.parametrize(
    "expression",
    ["$", "$$.a", "name", "name.inner", "{'a': name}", "*", "$eval('1')", "$a ~> |$|{'b': 1}|", "1 +", "$f("],
)
def test_what_step_functions_does_not_have_is_a_mistake(expression: str) -> None:
    assert references(expression).mistakes


@pytest.mark.parametrize("expression", ["$a[$.k > 1]", "$a[k > 1]", "$a.k", "$a.*", "$a^(>k)", "$a.{'n': name}"])
def test_names_inside_a_value_are_no_mistake(expression: str) -> None:
    assert references(expression).mistakes == []
