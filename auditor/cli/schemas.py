"""JSON Schemas of rule files and of the policy, for editors, made from the models that check those files."""

from __future__ import annotations

from typing import Any

from auditor.catalogue.fields import catalogue, profiles
from auditor.catalogue.rule_files import OF_A_RULE, SHARED
from auditor.catalogue.rules import Rule, load_fixes
from auditor.policy.model import Policy
from auditor.readers.registry import all_formats

DRAFT = "https://json-schema.org/draft/2020-12/schema"
HINT = {"type": "string", "description": "Where this schema is, for editors."}
RULE_ID = "^[A-Z]{3}\\d{3}$"
DESCRIPTIONS = {
    "id": "The family in three capitals and a number that is never reused.",
    "name": "The defect as a noun phrase, also in the file's name.",
    "field": "The field, or the fields, that the rule speaks of; each takes the place of {field}.",
    "verdict": "What a call gets on which the rule speaks; none leaves the verdicts as they are.",
    "cause": "Why, one of the causes of that verdict.",
    "between": "Set where the rule compares the inputs of several hops.",
    "level": "How loud the gap is; the gate reads it.",
    "since": "The version that first had the rule.",
    "status": "preview while it is new, retired when it no longer runs.",
    "title": "The good state, as a sentence without a full stop.",
    "gap": "The bad state, the same way.",
    "why": "What it costs to leave it.",
    "applies_to": "Which records the rule looks at.",
    "needs": "Rules that silence this one on the calls they report; the order of causes does the rest.",
    "thresholds": "Numbers of the predicate that a policy may set; it says them as threshold_NAME.",
    "when": "SQL over one row of the evidence table, true where the gap is.",
    "fixes": "Recipes of rules/fixes/, the best first.",
    "false_positives": "When it is no gap.",
    "references": "Where it was read, and when.",
    "valid": "Dates and product versions on which the advice depends.",
    "covers": "Patterns of the catalogue of defects.",
    "examples": "Small inputs with what the rule says of them, at least one clean and one with the gap.",
}


def rule_schema() -> dict[str, Any]:
    """The schema of a rule file."""
    schema = _schema(Rule, "A rule of the attribution gap auditor")
    keys = schema["properties"]
    for key, text in DESCRIPTIONS.items():
        keys[key] = {**keys[key], "description": text}
    name = {"enum": list(catalogue().fields)}
    keys["field"] = {
        "anyOf": [name, {"type": "array", "items": name, "minItems": 1}],
        "description": DESCRIPTIONS["field"],
    }
    formats = {"enum": [fmt.name for fmt in all_formats()]}
    schema["$defs"]["AppliesTo"]["properties"]["formats"]["items"] = formats
    keys["fixes"]["items"] = {"enum": list(load_fixes())}
    example = schema["$defs"]["Example"]["properties"]
    example["policy"]["description"] = "Keys of a policy under which it is audited."
    _patterned(schema, name)
    return schema


def _patterned(schema: dict[str, Any], name: dict[str, Any]) -> None:
    """Let a file hold a pattern: `fields` with the keys of each rule, in place of one field."""
    keys = schema["properties"]
    own = {key: part for key, part in keys.items() if key not in {"$schema", "field", *SHARED}}
    schema["$defs"]["OfField"] = {
        "additionalProperties": False,
        "properties": own,
        "required": ["id"],
        "type": "object",
    }
    keys["fields"] = {
        "type": "object",
        "propertyNames": name,
        "additionalProperties": {"$ref": "#/$defs/OfField"},
        "minProperties": 1,
        "description": "For a pattern: by field the keys of its rule, which go before those of the file. "
        "Fields with one id are one rule; its keys are given at the first of them.",
    }
    ids = {"type": "string", "pattern": RULE_ID}
    schema["$defs"]["Example"]["properties"]["for"] = {
        "anyOf": [ids, {"type": "array", "items": ids, "minItems": 1}],
        "description": "In a pattern the rules that it is an example of; without it all of them.",
    }
    required = schema.pop("required")
    alone = {"required": required, "properties": {"fields": False}}
    pattern = {"required": ["verdict", "examples", "fields"], "properties": dict.fromkeys(OF_A_RULE, False)}
    schema["oneOf"] = [alone, pattern]


def policy_schema() -> dict[str, Any]:
    """The schema of `auditor.toml` and of the table `[tool.auditor]`."""
    schema = _schema(Policy, "A policy of the attribution gap auditor")
    keys = schema["properties"]
    keys["profile"]["enum"] = list(profiles())
    name = {"enum": list(catalogue().fields)}
    keys["required"]["items"] = name
    text = {"enum": [f.name for f in catalogue().fields.values() if f.type in ("string", "arn")]}
    keys["aliases"]["propertyNames"] = name
    for key in ("vocabularies", "patterns"):
        keys[key]["propertyNames"] = text
    keys["vocabularies"]["additionalProperties"]["minItems"] = 1
    rule = {"pattern": RULE_ID}
    keys["levels"]["propertyNames"] = rule
    definitions = schema["$defs"]
    definitions["Thresholds"]["properties"]["rules"]["propertyNames"] = rule
    definitions["Suppression"]["properties"]["rule"] |= rule
    definitions["Suppression"]["properties"]["field"] = {
        **name,
        "description": definitions["Suppression"]["properties"]["field"]["description"],
    }
    return schema


def _schema(model: type[Rule] | type[Policy], title: str) -> dict[str, Any]:
    schema = model.model_json_schema()
    _drop_titles(schema)
    keys = {"$schema": HINT, **schema.pop("properties")}
    return {"$schema": DRAFT, "title": title, **schema, "properties": keys}


def _drop_titles(node: Any) -> None:
    """Drop the titles that pydantic makes from names: an editor would show them instead of descriptions."""
    if isinstance(node, dict):
        if isinstance(node.get("title"), str):
            del node["title"]
        for inner in node.values():
            _drop_titles(inner)
    elif isinstance(node, list):
        for inner in node:
            _drop_titles(inner)
