"""300 modules of a made-up warehouse, in one of four languages: plausible, all different, always the same.

Names, constants, fields and bodies are drawn from lists by a seeded generator; no two modules have the same
subject. A needle is planted among a module's own definitions.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

FILES = 300
_AREAS = "billing catalog customs dispatch fleet forecast harbour intake labels loyalty packing payroll"
_NOUNS = (
    "invoice parcel pallet carrier manifest shipment supplier voucher ledger depot courier container "
    "customer refund quota tariff route driver sensor warranty contract basket shelf forklift docket"
)
_ASPECTS = (
    "registry planner checker merger archive parser cache router scoring snapshot auditor exporter "
    "matcher budget calendar summary resolver sampler throttle digest"
)
_VERBS = "collect settle reserve balance split merge inspect release rank trace renew close assign check"
_QUALITIES = "pending oldest heavy partial daily regional expired urgent unpaid fragile open foreign idle"
_UNITS = "days grams pence metres percent entries minutes copies"
_FIELDS = (
    "weight_grams created_at origin target amount_pence owner priority note currency retries region "
    "height_cm deadline reference status batch"
)


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a module: what it is called, its two arguments, a threshold and a unit."""

    verb: str
    quality: str
    field: str
    other: str
    limit: int
    form: int


@dataclass(frozen=True, slots=True)
class Module:
    """What a module holds, in no language yet."""

    area: str
    noun: str
    aspect: str
    constants: tuple[tuple[str, str, int], ...]  # quality, unit, value
    fields: tuple[str, ...]
    functions: tuple[Function, ...]


def write(language: str, into: Path, planted: Mapping[str, str]) -> None:
    """Write the modules of one language under ``into``. ``planted`` gives source text to hide, by the path of
    the module to hide it in (see ``path_of``); KeyError where there is no such module."""
    path_in, text_in = LANGUAGES[language]
    found = {path_in(module): module for module in modules(language)}
    unknown = set(planted) - set(found)
    if unknown:
        raise KeyError(f"no module {sorted(unknown)[0]} among the {language} ones")
    for path, module in found.items():
        target = into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text_in(module, planted.get(path, "")), encoding="utf-8", newline="\n")


def modules(language: str) -> list[Module]:
    """The modules of one language, in no order that says anything."""
    chance = random.Random(f"haystack {language}")
    names = [(noun, aspect) for noun in _NOUNS.split() for aspect in _ASPECTS.split()]
    chance.shuffle(names)
    return [_module(noun, aspect, chance) for noun, aspect in names[:FILES]]


def _module(noun: str, aspect: str, chance: random.Random) -> Module:
    qualities, units = _QUALITIES.split(), _UNITS.split()
    fields = tuple(chance.sample(_FIELDS.split(), chance.randrange(4, 8)))
    acts = [(verb, quality) for verb in _VERBS.split() for quality in qualities]
    functions = []
    for verb, quality in chance.sample(acts, chance.randrange(4, 8)):
        field, other = chance.sample(fields, 2)
        functions.append(Function(verb, quality, field, other, chance.randrange(2, 400), chance.randrange(4)))
    constants = tuple(
        (quality, chance.choice(units), chance.randrange(3, 9_000))
        for quality in chance.sample(qualities, chance.randrange(2, 5))
    )
    return Module(chance.choice(_AREAS.split()), noun, aspect, constants, fields, tuple(functions))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def _pascal(name: str) -> str:
    return "".join(map(str.capitalize, name.split("_")))


def _named(function: Function, module: Module) -> str:
    return f"{function.verb}_{function.quality}_{module.noun}"


def _constant(module: Module, quality: str, unit: str) -> str:
    return f"{quality}_{module.noun}_{unit}".upper()


def _python(module: Module, planted: str) -> str:
    entry = _pascal(f"{module.noun}_{module.aspect}") + "Entry"
    parts = [f'"""The {module.aspect} of {module.noun} entries in {module.area}."""\n\nimport dataclasses\n']
    parts.append("\n".join(f"{_constant(module, q, u)} = {v}" for q, u, v in module.constants) + "\n")
    body = "\n".join(f"    {name}: {_type(name)}" for name in module.fields)
    parts.append(f'\n@dataclasses.dataclass\nclass {entry}:\n    """One {module.noun}."""\n\n{body}\n')
    for number, f in enumerate(module.functions):
        if number == 1 and planted:
            parts.append("\n" + planted)
        rows, one = f"{module.noun}s", module.noun
        forms = (
            f"    found = [{one} for {one} in {rows} if {one}.{f.field} > limit]\n"
            f"    return sorted(found, key=lambda {one}: {one}.{f.other})\n",
            f"    groups = {{}}\n    for {one} in {rows}:\n"
            f"        groups.setdefault({one}.{f.other}, []).append({one}.{f.field})\n"
            f"    return {{key: len(some) for key, some in groups.items() if len(some) < limit}}\n",
            f"    total = 0\n    for {one} in {rows}:\n        if {one}.{f.other} is None:\n"
            f"            continue\n        total += {one}.{f.field} * limit\n    return total\n",
            f"    if not {rows}:\n        raise ValueError('no {f.quality} {rows} to {f.verb}')\n"
            f"    newest = max({rows}, key=lambda {one}: {one}.{f.field})\n"
            f"    return newest.{f.other}, len({rows}) - limit\n",
        )
        head = f"\ndef {_named(f, module)}({rows}, limit={f.limit}):\n"
        parts.append(f'{head}    """{f.verb.capitalize()} the {f.quality} {rows}."""\n{forms[f.form]}')
    return "\n".join(parts)


def _type(name: str) -> str:
    return "int" if name.endswith(("grams", "pence", "cm", "retries", "priority")) else "str"


def _typescript(module: Module, planted: str) -> str:
    entry = _pascal(f"{module.noun}_{module.aspect}") + "Entry"
    one, rows = module.noun, f"{module.noun}s"
    parts = [f"// The {module.aspect} of {module.noun} entries in {module.area}.\n"]
    parts.append(
        "\n".join(f"export const {_constant(module, q, u)} = {v};" for q, u, v in module.constants) + "\n"
    )
    body = "\n".join(
        f"\t{_camel(name)}: {'number' if _type(name) == 'int' else 'string'};" for name in module.fields
    )
    parts.append(f"export interface {entry} {{\n{body}\n}}\n")
    for number, f in enumerate(module.functions):
        if number == 1 and planted:
            parts.append(planted)
        field, other = _camel(f.field), _camel(f.other)
        forms = (
            f"\tconst found = {rows}.filter({one} => Number({one}['{field}']) > limit);\n"
            f"\treturn found.map({one} => {one}['{other}']);\n",
            f"\tconst groups = new Map<string, number>();\n\tfor (const {one} of {rows}) {{\n"
            f"\t\tconst key = String({one}['{other}']);\n"
            f"\t\tgroups.set(key, (groups.get(key) ?? limit) + 1);\n\t}}\n\treturn groups;\n",
            f"\tlet total = 0;\n\tfor (const {one} of {rows}) {{\n"
            f"\t\ttotal += Number({one}['{field}']) * limit;\n\t}}\n\treturn total;\n",
            f"\tif ({rows}.length === 0) {{\n"
            f"\t\tthrow new Error('no {f.quality} {rows} to {f.verb}');\n\t}}\n"
            f"\treturn {rows}.slice(-limit).map({one} => [{one}['{field}'], {one}['{other}']]);\n",
        )
        head = f"export function {_camel(_named(f, module))}({rows}: any[], limit = {f.limit}) {{\n"
        parts.append(f"/** {f.verb.capitalize()} the {f.quality} {rows}. */\n{head}{forms[f.form]}}}\n")
    return "\n".join(parts)


def _java(module: Module, planted: str) -> str:
    name = _pascal(f"{module.noun}_{module.aspect}")
    one, rows = module.noun, f"{module.noun}s"
    parts = [
        f"package depot.{module.area};\n\nimport java.util.*;\n",
        f"/** The {module.aspect} of {one} entries in {module.area}. */\npublic final class {name} {{",
    ]
    parts += [f"    public static final int {_constant(module, q, u)} = {v};" for q, u, v in module.constants]
    parts += ["", *(f"    private String {_camel(field)};" for field in module.fields), ""]
    for number, f in enumerate(module.functions):
        if number == 1 and planted:
            parts.append(planted)
        field, other = _camel(f.field), _camel(f.other)
        forms = (
            f"        List<String> found = new ArrayList<>();\n        for (String {one} : {rows}) {{\n"
            f"            if ({one}.length() > limit) {{\n                found.add({field} + {one});\n"
            f"            }}\n        }}\n        return found.size();",
            f"        Map<String, Integer> groups = new HashMap<>();\n"
            f"        for (String {one} : {rows}) {{\n"
            f"            groups.merge({one} + {other}, limit, Integer::sum);\n        }}\n"
            f"        return groups.size();",
            f"        int total = {field}.length();\n        for (String {one} : {rows}) {{\n"
            f"            total += {one}.length() * limit;\n        }}\n        return total;",
            f"        if ({rows}.isEmpty()) {{\n"
            f'            throw new IllegalStateException("no {f.quality} {rows} to {f.verb}");\n        }}\n'
            f"        return {rows}.indexOf({other}) - limit;",
        )
        head = f"    public int {_camel(_named(f, module))}(List<String> {rows}, int limit) {{"
        doc = f"    /** {f.verb.capitalize()} the {f.quality} {rows}, {f.limit} at most. */"
        parts.append(f"{doc}\n{head}\n{forms[f.form]}\n    }}\n")
    return "\n".join([*parts, "}", ""])


def _go(module: Module, planted: str) -> str:
    entry = _camel(f"{module.noun}_{module.aspect}") + "Entry"
    one, rows = module.noun, f"{module.noun}s"
    parts = [f'// The {module.aspect} of {one} entries.\npackage {module.area}\n\nimport "sort"\n']
    parts.append(
        "const (\n"
        + "\n".join(f"\t{_camel(_constant(module, q, u).lower())} = {v}" for q, u, v in module.constants)
        + "\n)\n"
    )
    body = "\n".join(f"\t{_camel(name)} int" for name in module.fields)
    parts.append(f"type {entry} struct {{\n{body}\n}}\n")
    for number, f in enumerate(module.functions):
        if number == 1 and planted:
            parts.append(planted)
        forms = (
            f"\tsort.Ints({rows})\n\tfor i, {one} := range {rows} {{\n\t\tif {one} > limit {{\n"
            f"\t\t\treturn i\n\t\t}}\n\t}}\n\treturn len({rows})\n",
            f"\tgroups := map[int]int{{}}\n\tfor _, {one} := range {rows} {{\n"
            f"\t\tgroups[{one}%limit]++\n\t}}\n\treturn len(groups)\n",
            f"\ttotal := {f.limit}\n\tfor _, {one} := range {rows} {{\n\t\ttotal += {one} * limit\n\t}}\n"
            f"\treturn total\n",
            f'\tif len({rows}) == 0 {{\n\t\tpanic("no {f.quality} {rows} to {f.verb}")\n\t}}\n'
            f"\treturn {rows}[len({rows})-1] - limit\n",
        )
        named = _camel(_named(f, module)) + _pascal(module.aspect)
        doc = f"// {named} weighs {f.field.replace('_', ' ')} against {f.other.replace('_', ' ')}."
        parts.append(f"{doc}\nfunc {named}({rows} []int, limit int) int {{\n{forms[f.form]}}}\n")
    return "\n".join(parts)


Written = tuple[Callable[[Module], str], Callable[[Module, str], str]]
LANGUAGES: dict[str, Written] = {
    "python": (lambda m: f"depot/{m.area}/{m.noun}_{m.aspect}.py", _python),
    "typescript": (lambda m: f"src/{m.area}/{m.noun}-{m.aspect}.ts", _typescript),
    "java": (
        lambda m: f"src/main/java/depot/{m.area}/{_pascal(m.noun + '_' + m.aspect)}.java",
        _java,
    ),
    "go": (lambda m: f"{m.area}/{m.noun}_{m.aspect}.go", _go),
}
