"""Validates a stream of Kubernetes manifests on standard input: argument 1 is a folder with CRDs, the others are releases of Kubernetes.

A kind that has a CRD there is validated against it, any other against the schemas of each release. Unknown fields are errors.
Prints a line for each manifest; exits with 1 when one is wrong.
"""

import sys
from pathlib import Path

import jsonschema
import kubernetes_validate
import yaml


def closed(schema):
    """The schema with unknown fields as errors, where it names fields at all."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "type" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        result.setdefault("additionalProperties", False)
    return result


def read_crds(folder):
    for path in folder.glob("*.yaml"):
        crd = yaml.safe_load(path.read_text())
        for version in crd["spec"]["versions"]:
            kind = f"{crd['spec']['group']}/{version['name']}", crd["spec"]["names"]["kind"]
            yield kind, closed(version["schema"]["openAPIV3Schema"])


def main(folder, *releases):
    crds = dict(read_crds(Path(folder)))
    failures = 0
    for manifest in yaml.safe_load_all(sys.stdin):
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        crd = crds.get((manifest["apiVersion"], manifest["kind"]))
        try:
            if crd is not None:
                jsonschema.validate(manifest, crd)
                print(f"{name}: valid against its CRD")
                continue
            for release in releases:
                kubernetes_validate.validate(manifest, release, strict=True)
                print(f"{name}: valid in {release}")
        except (jsonschema.ValidationError, kubernetes_validate.ValidationError) as error:
            failures += 1
            print(f"{name}: {'.'.join(str(part) for part in error.path)}: {error.message[:500]}")
    return 1 if failures else 0


sys.exit(main(*sys.argv[1:]))
