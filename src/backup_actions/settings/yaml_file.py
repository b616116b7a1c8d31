"""A settings file as plain data, with the line that each value stands on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from backup_actions.errors import SettingsUnreadable
from backup_actions.settings.mistakes import Mistake, Place

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Document:
    """What the file says. ``lines`` knows every key and list item; ``mistakes`` are those of the YAML itself."""

    data: Any
    lines: dict[Place, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)


_DEEPEST = 40
"""Settings are no deeper than ten; what is as deep as Python's stack would take minutes to be refused."""

_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str", "int", "float", "bool", "null"))


class _Loader(yaml.SafeLoader):
    """Plain scalars only: a date stays the text that was written."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own form
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse aliases: they allow a small file to describe an endless one, and settings need none."""
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "write the value out, aliases (*) are not used here", mark)
        if self._depth == _DEEPEST:
            raise yaml.composer.ComposerError(None, None, "its values are nested too deeply", mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def read(path: Path) -> Document:
    """Raise SettingsUnreadable unless the file is YAML that consists of settings."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsUnreadable(path=path, reason=error.strerror or error) from error
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsUnreadable(path=path, reason=f"byte {error.start} is not UTF-8 (line {line})") from error
    try:
        return parse(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        reason = f"the character {chr(error.character)!a} is not allowed (line {line})"
        raise SettingsUnreadable(path=path, reason=reason) from error
    except yaml.YAMLError as error:
        raise SettingsUnreadable(path=path, reason=_sentence(error)) from error


def parse(text: str) -> Document:
    """The text as data; an empty one is an empty mapping. Raises yaml.YAMLError."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return Document({})
        document = Document(None)
        data = _value(loader, root, (), document)
    finally:
        loader.dispose()
    if not isinstance(data, dict):
        raise yaml.YAMLError("it must consist of settings, `name: value`")
    return Document(data, document.lines, document.mistakes)


def _value(loader: _Loader, node: yaml.Node, place: Place, document: Document) -> Any:
    if node.tag not in _PLAIN_TAGS:
        raise yaml.constructor.ConstructorError(None, None, f"{node.tag} is not a kind of setting", node.start_mark)
    if isinstance(node, yaml.MappingNode):
        return _mapping(loader, node, place, document)
    if isinstance(node, yaml.SequenceNode):
        for index, inner in enumerate(node.value):
            document.lines[*place, index] = _line(inner)
        return [_value(loader, inner, (*place, index), document) for index, inner in enumerate(node.value)]
    return _scalar(loader, node)


def _scalar(loader: _Loader, node: yaml.Node) -> Any:
    """Raise ConstructorError for what only looks like a number: ``!!int x``, or one of thousands of digits."""
    try:
        return loader.construct_object(node)
    except (ValueError, KeyError) as error:
        raise yaml.constructor.ConstructorError(None, None, "this is no value", node.start_mark) from error


def _mapping(loader: _Loader, node: yaml.MappingNode, place: Place, document: Document) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
        if key is None or not isinstance(_scalar(loader, key_node), str):
            written = "it" if key is None else f'"{key}"'
            document.mistakes.append(
                Mistake(place, _line(key_node), f"a name must be a text: write {written} in quotes")
            )
            continue
        inner = (*place, key)
        if key in mapping:
            first = document.lines[inner]
            document.mistakes.append(Mistake(inner, _line(key_node), f"it stands here twice, first in line {first}"))
            continue
        document.lines[inner] = _line(key_node)
        mapping[key] = _value(loader, value_node, inner, document)
    return mapping


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _sentence(error: yaml.YAMLError) -> str:
    """PyYAML's several lines as one clause."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem:
        where = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        remedy = "; indent with spaces, not with tabs" if "'\\t'" in error.problem else ""
        return ", ".join(filter(None, (error.context, error.problem))) + where + remedy
    return " ".join(str(error).split())
