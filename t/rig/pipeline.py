"""Runs the Elasticsearch ingest pipeline of ingest-pipeline.json: it has the processors that the pipeline uses,
as Elastic documents them. Any other processor, parameter or condition is an error."""

import re
from datetime import datetime

PARAMETERS = {
    "date": {"field", "formats", "target_field"},
    "remove": {"field", "ignore_missing"},
    "split": {"field", "separator", "ignore_missing"},
    "gsub": {"field", "pattern", "replacement", "ignore_missing"},
    "convert": {"field", "type", "ignore_missing"},
    "set": {"field", "value"},
}
COMMON = {"description", "if"}
CONDITIONS = (
    (re.compile(r"ctx\.(\w+)\?\.(\w+) == '(.*)'"),
     lambda doc, top, name, value: (doc.get(top) or {}).get(name) == value),
    (re.compile(r"ctx\.(\w+) != null"), lambda doc, top: doc.get(top) is not None),
)


class Failed(Exception):
    """A processor could not do its work."""


def run(pipeline, doc):
    """Changes the document as the pipeline does."""
    try:
        for processor in pipeline["processors"]:
            _process(processor, doc)
    except Failed as error:
        for processor in pipeline["on_failure"]:
            _process(processor, doc, str(error))
    return doc


def _process(processor, doc, failure=None):
    (kind, options), = processor.items()
    unknown = set(options) - PARAMETERS[kind] - COMMON
    assert not unknown, f"{kind}: {unknown}"
    if "if" in options and not _holds(options["if"], doc):
        return
    fields = options["field"] if isinstance(options["field"], list) else [options["field"]]
    for field in fields:
        parent, name = _find(doc, field)
        if kind == "set":
            value = options["value"]
            for word, said in (("type", kind), ("message", failure)):
                value = value.replace(f"{{{{{{_ingest.on_failure_{word}}}}}}}", str(said))
            parent[name] = value
        elif name not in parent:
            if not options.get("ignore_missing"):
                raise Failed(f"field [{field}] not present as part of path [{field}]")
        else:
            _change(kind, options, doc, parent, name)


def _change(kind, options, doc, parent, name):
    value = parent[name]
    if kind == "remove":
        del parent[name]
    elif kind == "split":
        # Java's split drops empty strings at the end.
        parent[name] = re.split(options["separator"], value)
        while parent[name] and not parent[name][-1]:
            parent[name].pop()
    elif kind == "gsub":
        parent[name] = _each(value, lambda one: re.sub(options["pattern"], options["replacement"], one))
    elif kind == "convert":
        assert options["type"] == "float"
        parent[name] = _each(value, _number)
    elif kind == "date":
        assert options["formats"] == ["ISO8601"]
        try:
            doc[options["target_field"]] = datetime.fromisoformat(value).isoformat()
        except ValueError as error:
            raise Failed(f"unable to parse date [{value}]") from error


def _each(value, function):
    return [function(one) for one in value] if isinstance(value, list) else function(value)


def _number(text):
    try:
        return float(text)
    except ValueError as error:
        raise Failed(f"unable to convert [{text}] to float") from error


def _holds(condition, doc):
    for pattern, function in CONDITIONS:
        if match := pattern.fullmatch(condition):
            return function(doc, *match.groups())
    raise AssertionError(f"a condition that this interpreter does not know: {condition}")


def _find(doc, field):
    """The object that has the field, which is made if it is missing, and the field's name in it."""
    *path, name = field.split(".")
    for part in path:
        doc = doc.setdefault(part, {})
    return doc, name
