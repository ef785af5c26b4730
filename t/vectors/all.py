"""Every table under a short name, for Frappe 15 and for Frappe 17."""

from dataclasses import replace

from . import forms, jsons, multiparts, targets

TABLES = {
    "path": targets.PATHS,
    "query": targets.QUERIES,
    "target+form": targets.TARGETS_WITH_FORM,
    "form": forms.FORMS,
    "type": forms.TYPES,
    "json": jsons.OBJECTS + jsons.NOT_OBJECTS + jsons.TYPES,
    "json value": jsons.FALSY + jsons.TRUTHY,
    "json broken": jsons.BROKEN,
    "multipart": multiparts.FIELDS,
    "disposition": multiparts.DISPOSITIONS,
    "multipart frame": multiparts.FRAMES,
    "boundary": multiparts.BOUNDARIES,
}

ROWS_15 = {f"{table}: {row.name}": row for table, rows in TABLES.items() for row in rows}

assert len(ROWS_15) == sum(map(len, TABLES.values())), "two rows of a table have the same name"


def _with_orjson(name, row):
    """The row as Frappe 17 sees it."""
    if name not in jsons.WITH_ORJSON:
        return row
    cmd, source, status = jsons.WITH_ORJSON[name]
    return replace(row, cmd=cmd, source=source, status=status, info=status == "malformed")


ROWS_17 = {name: _with_orjson(name, row) for name, row in ROWS_15.items()}

assert set(jsons.WITH_ORJSON) <= set(ROWS_15), "an exception for a row that does not exist"
