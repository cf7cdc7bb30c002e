#!/usr/bin/python3
"""Judges values by the JSON Schemas of a folder, with a validator that is not ours.

usage: check_schemas.py FOLDER FILE

FILE has a line of JSON for each value, {"schema": "clocks.schema.json", "value": ...}. Prints a line
for each: empty, or where the value differs from its schema and how. Exits with 1 when a schema of
the folder is not one of draft-07.
"""

import json
import pathlib
import sys
import warnings

import jsonschema

# Debian 12's jsonschema knows no other resolver; later ones warn of it.
warnings.simplefilter("ignore", DeprecationWarning)


def main():
    folder, values = map(pathlib.Path, sys.argv[1:])
    schemas = {path.name: json.loads(path.read_text(encoding="utf-8"))
               for path in folder.glob("*.schema.json")}
    validators = {}
    for name, schema in schemas.items():
        jsonschema.Draft7Validator.check_schema(schema)
        resolver = jsonschema.RefResolver(base_uri=name, referrer=schema, store=schemas)
        validators[name] = jsonschema.Draft7Validator(schema, resolver=resolver)
    with values.open(encoding="utf-8") as lines:
        for line in lines:
            asked = json.loads(line)
            error = next(validators[asked["schema"]].iter_errors(asked["value"]), None)
            where = "" if error is None else "/".join(map(str, error.absolute_path))
            told = "" if error is None else " ".join(error.message.split())[:300]
            print("" if error is None else f"/{where}: {told}")


if __name__ == "__main__":
    main()
