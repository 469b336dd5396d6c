"""What a cluster makes of an object by its definition: for the suites of chart and of pipelines."""


def defaulted(schema, value):
    """As the API server keeps it: with what the definition adds."""
    if isinstance(value, list):
        return [defaulted(schema.get("items", {}), each) for each in value]
    if not isinstance(value, dict):
        return value
    known = schema.get("properties", {})
    added = {key: inner["default"] for key, inner in known.items() if "default" in inner and key not in value}
    return {key: defaulted(known.get(key, {}), each) for key, each in {**added, **value}.items()}
