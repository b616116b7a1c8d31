"""JSONata as Step Functions evaluates it."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from backup_actions_local.states.expressions import Expressions, is_expression, looks_like_expression
from backup_actions_local.states.failures import StateFailed
from backup_actions_local.states.values import to_jsonata

NOON = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def value_of(expression: str, **variables: Any) -> Any:
    bound = {name: to_jsonata(value) for name, value in variables.items()}
    return Expressions(lambda: NOON).evaluate(f"{{% {expression} %}}", bound, "Field")


def failure_of(expression: str, **variables: Any) -> StateFailed:
    with pytest.raises(StateFailed) as caught:
        value_of(expression, **variables)
    assert caught.value.error == "States.QueryEvaluationError"
    return caught.value


def test_only_a_whole_string_is_an_expression() -> None:
    assert is_expression("{% 1 %}")
    assert not is_expression("a {% 1 %}")
    assert not is_expression("{% 1 %}\n")
    assert looks_like_expression(" {% 1 %}")
    assert not looks_like_expression("plain")


def test_a_template_is_evaluated_however_deep_and_the_rest_stays() -> None:
    template: Any = {"a": ["{% 1 + 1 %}", "text", 2.5, None, True], "b": {"c": "{% $x %}"}}
    evaluated = Expressions(lambda: NOON).evaluate(template, {"x": "X"}, "Output")
    assert evaluated == {"a": [2, "text", 2.5, None, True], "b": {"c": "X"}}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("$v.one", [1]),
        ("$v.many.k", [1, 2]),
        ("$v.many[k=1]", {"k": 1}),
        ("[$v.many[k=1]]", [{"k": 1}]),
        ("$v.none", None),
        ("$v.none = null", True),
        ("$exists($v.none)", True),
        ("[$v.none, $v.missing]", [None]),
        ("{'a': $v.missing, 'b': $v.none}", {"b": None}),
        ("$v.empty", []),
        ("$v.whole", 2),
        ("4 / 2", 2),
        ("3 / 2", 1.5),
        ("$count($v.missing)", 0),
        ("[1..3]", [1, 2, 3]),
        ("$string($v.none)", "null"),
        ("$type($v.none)", "null"),
    ],
)
def test_results_keep_the_type_that_json_has_for_them(expression: str, expected: Any) -> None:
    v = {"one": [1], "many": [{"k": 1}, {"k": 2}], "none": None, "empty": [], "whole": 2.0}
    found = value_of(expression, v=v)
    assert json.dumps(found) == json.dumps(expected)
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "path",
    [
        "$v",
        "$v.a",
        "$v.a.b",
        "$v.a.none",
        "$v.no",
        "$v.zero",
        "$v.one",
        "$v.a.list",
        "$v.many",
        "$v.many.k",
        "$v.empty",
    ],
)
def test_a_path_through_objects_alone_leads_where_the_library_says(path: str) -> None:
    v: dict[str, Any] = {"a": {"b": "x", "none": None, "list": [[1], [2]]}, "no": False, "zero": 0, "one": [1]}
    v |= {"empty": {}, "many": [{"k": 1}, {"k": 2}]}
    assert json.dumps(value_of(path, v=v)) == json.dumps(value_of(f"({path})", v=v))


@pytest.mark.parametrize("path", ["$v.text.more", "$none", "$v.many.missing"])
def test_a_path_that_leads_nowhere_is_undefined(path: str) -> None:
    assert "returned nothing (undefined)" in str(failure_of(path, v={"text": "x", "many": [{"k": 1}]}).cause)


def test_a_variable_that_is_null_is_not_undefined() -> None:
    assert value_of("$problem = null", problem=None) is True
    assert value_of("$problem", problem=None) is None


def test_an_undefined_result_is_an_error_that_names_the_field() -> None:
    cause = failure_of("$v.missing", v={}).cause
    assert cause == (
        "The JSONata expression '$v.missing' specified for the field 'Field' returned nothing (undefined)."
    )


@pytest.mark.parametrize("expression", ["'x' + 1", "1 / 0", "$parse('no json')", "$error('no')", "function($x){$x}"])
def test_what_cannot_be_evaluated_is_an_error(expression: str) -> None:
    assert "threw an error during evaluation" in str(failure_of(expression).cause)


def test_an_expression_does_not_alter_what_it_reads() -> None:
    bound = {"v": to_jsonata({"a": [3, 1, None], "b": {"c": None}})}
    before = repr(bound)
    Expressions(lambda: NOON).evaluate("{% [$sort($v.a[$ != null]), $merge([$v.b, {'d': 1}])] %}", bound, "Output")
    assert repr(bound) == before


def test_now_and_millis_are_the_clock_s() -> None:
    assert value_of("$now()") == "2026-01-15T12:00:00.000Z"
    assert value_of("$millis()") == NOON.timestamp() * 1000
    assert value_of("$now('[Y0001]-[M01]')") == "2026-01"


def test_chance_is_the_same_in_every_run() -> None:
    first, second = Expressions(lambda: NOON), Expressions(lambda: NOON)
    for expression in ("{% $uuid() %}", "{% $random() %}"):
        assert first.evaluate(expression, {}, "F") == second.evaluate(expression, {}, "F")
    assert first.evaluate("{% $uuid() %}", {}, "F") != first.evaluate("{% $uuid() %}", {}, "F")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("$hash('Hello', 'MD5')", "8b1a9953c4611296a827abf8c47804d7"),
        ("$hash('Hello', 'SHA-1')", "f7ff9e8b7bb2e09b70935a5d785e0cc5d9d0abf0"),
        ("$hash('Hello', 'SHA-256')", "185f8db32271fe25f561a6fc938b2e264306ec304eda518007d1764826381969"),
        ("$parse('{\"a\": [1, null]}')", {"a": [1, None]}),
        ("$parse('null') = null", True),
        ("$partition([1, 2, 3, 4, 5], 2)", [[1, 2], [3, 4], [5]]),
        ("$range(0, 10, 5)", [0, 5, 10]),
        ("$range(3, 1, -1)", [3, 2, 1]),
        ("$random(7) = $random(7)", True),
    ],
)
def test_the_functions_of_step_functions(expression: str, expected: Any) -> None:
    assert value_of(expression) == expected


@pytest.mark.parametrize("expression", ["$hash('x', 'md5')", "$partition([1], -1)", "$range(1, 5000, 1)", "$parse(1)"])
def test_the_functions_of_step_functions_refuse_what_they_cannot_do(expression: str) -> None:
    failure_of(expression)


def test_one_expression_may_be_evaluated_in_many_threads() -> None:
    expressions, wrong = Expressions(lambda: NOON), list[Any]()

    def work(number: int) -> None:
        for _ in range(30):
            found = expressions.evaluate("{% $map($n, function($v) {$v * 2}) %}", {"n": [number, 1]}, "F")
            if found != [number * 2, 2]:
                wrong.append(found)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
