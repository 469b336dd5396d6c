"""Dashboard and alerts: they fire, they stay silent, and they name only what the program shows."""

import json
import re

import program
import pytest
import yaml
from support import CHART, HERE, NAME, NAMESPACE, render, run, tool

ALERTS = yaml.safe_load((HERE / "alerts.yaml").read_text())
LABELS = f'namespace="{NAMESPACE}",job="{NAME}-metrics",pod="one"'
RUN_BOOK = "https://example.com/run-book"
KEYWORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset"}


def rule_object(**more):
    return render({"prometheusRule": {"enabled": True, "runbookUrl": RUN_BOOK, **more}}).one("PrometheusRule")


def rules():
    return {rule["alert"]: rule for rule in rule_object()["spec"]["groups"][0]["rules"]}


def dashboard():
    return json.loads((CHART / "dashboards/service.json").read_text())


def dashboard_queries():
    page = dashboard()
    for panel in page["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def names_in(expression):
    """The metrics that an expression of Prometheus names."""
    bare = re.sub(r'"(\\.|[^"\\])*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    return {name for name in re.findall(r"(?<![\w.$])([a-zA-Z_:][\w:]*)(?!\w)(?!\s*\()", bare) if name not in KEYWORDS}


def labels_in(expression):
    return set(re.findall(r'([a-z_]+)\s*(?:=~|!~|!=|=)\s*"', re.sub(r"\$\w+", "x", expression)))


def test_the_programs_metrics_are_found_in_its_source():
    found = program.metrics()
    assert {
        "http_server_request_duration_seconds_bucket",
        "db_client_connection_pending_requests",
        "process_cpu_seconds_total",
        "apus_event_loop_lag_seconds_total",
        "jemalloc_resident_bytes",
        "apus_build_info",
    } <= found
    assert len(found) > 30


def test_names_are_found_in_an_expression():
    words = (
        'sum by (le, pod) (rate(a_total{b="c_total",d=~"e"}[5m])) / on (x) b_count > 0.5 and histogram_quantile(0.9, c) unless d:e'
    )
    assert names_in(words) == {"a_total", "b_count", "c", "d:e"}
    assert labels_in(words) == {"b", "d"}


@pytest.mark.parametrize(
    "alert", ["HighLatency", "HighErrorRate", "PoolExhausted", "DatabaseUnreachable", "PodRestarted", "SlowRoute"]
)
def test_the_alert_is_there_and_names_only_metrics_that_exist(alert):
    rule = rules()[alert]
    assert names_in(rule["expr"]) and names_in(rule["expr"]) <= program.metrics()
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert (
        rule["annotations"].keys() == {"summary", "description", "runbook_url"} and rule["annotations"]["runbook_url"] == RUN_BOOK
    )


def test_no_alert_is_untested():
    assert rules().keys() == {alert for case in ALERTS["cases"] for alert in case.get("fires", {})}


def test_the_dashboard_names_only_metrics_that_exist():
    queries = list(dashboard_queries())
    assert len(queries) > 30
    for title, query in queries:
        assert names_in(query) and names_in(query) <= program.metrics(), title
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            assert re.match(r"label_values\((\w+)", variable["query"]["query"])[1] in program.metrics()


def test_queries_select_by_labels_that_exist():
    own = set(re.findall(r'([a-z_]+)=\\"', program.source("runtime/ops/metrics.c")))
    given = {"namespace", "job", "pod", "instance"}
    for _, query in [*dashboard_queries(), *((name, rule["expr"]) for name, rule in rules().items())]:
        assert labels_in(query) <= own | given, query
        grouped = {label for group in re.findall(r"\bby \(([^)]*)\)", query) for label in re.split(r",\s*", group)}
        assert grouped <= own | given | {"le"}, query


def test_thresholds_lie_on_the_histograms_bounds():
    bounds = re.search(r"bounds\[METRICS_BUCKETS\] = \{(.*?)\}", program.source("runtime/ops/metrics.c"), re.S).group(1)
    assert {0.5, 1.0} <= {float(bound) for bound in bounds.split(",")}
    assert "> 0.5\n" in rules()["HighLatency"]["expr"] and "> 1\n" in rules()["SlowRoute"]["expr"]


def test_every_panel_shows_something_and_none_overlaps_another():
    cells, ids = set(), set()
    for panel in dashboard()["panels"]:
        assert panel["title"] and panel["id"] not in ids
        ids.add(panel["id"])
        assert panel["type"] == "row" or panel["targets"]
        at = panel["gridPos"]
        mine = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not mine & cells and max(x for x, _ in mine) < 24
        cells |= mine


def test_the_dashboard_comes_as_a_config_map_for_the_sidecar():
    values = {"grafanaDashboard": {"enabled": True, "namespace": "grafana", "annotations": {"grafana_folder": "Services"}}}
    found = render(values).one("ConfigMap")
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1" and found["metadata"]["namespace"] == "grafana"
    assert found["metadata"]["annotations"] == {"grafana_folder": "Services"}
    assert json.loads(found["data"]["service.json"]) == dashboard()


def test_in_a_namespace_of_all_dashboards_those_of_two_releases_do_not_meet():
    values = {"grafanaDashboard": {"enabled": True, "namespace": "grafana"}}
    names = [render(values, namespace=namespace).one("ConfigMap")["metadata"]["name"] for namespace in ("dev", "prod", "grafana")]
    assert names == ["dev-shop-hello-fastapi-dashboard", "prod-shop-hello-fastapi-dashboard", "shop-hello-fastapi-dashboard"]


def test_routes_to_leave_out_are_any_regular_expression(tmp_path):
    values = {"prometheusRule": {"enabled": True, "excludeRoutes": r'/items/\d+|/a"b'}}
    spec = render(values).one("PrometheusRule")["spec"]
    assert r'http_route!~"/items/\\d+|/a\"b"' in spec["groups"][0]["rules"][0]["expr"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(spec))
    done = run(tool("promtool"), "check", "rules", tmp_path / "rules.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_scrapes_the_metrics_of_this_release():
    values = {"serviceMonitor": {"enabled": True, "interval": "15s", "labels": {"release": "prometheus"}}}
    objects = render(values)
    monitor = objects.one("ServiceMonitor")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    spec = monitor["spec"]
    chosen = [
        each["metadata"]["name"]
        for each in objects.of("Service")
        if spec["selector"]["matchLabels"].items() <= each["metadata"]["labels"].items()
    ]
    assert chosen == [NAME + "-metrics"]
    assert spec["endpoints"] == [{"port": "metrics", "path": "/metrics", "interval": "15s", "scrapeTimeout": "10s"}]
    assert f'job="{chosen[0]}"' in rules()["PoolExhausted"]["expr"]


def test_thresholds_selector_and_more_rules_are_values():
    more = {"alert": "Mine", "expr": "vector(1)"}
    found = rule_object(
        selector='app="x"', latency={"p95Seconds": 0.25, "for": "1m"}, labels={"release": "p"}, additionalRules=[more]
    )
    group = found["spec"]["groups"][0]["rules"]
    assert group[-1] == more and found["metadata"]["labels"]["release"] == "p"
    assert "> 0.25" in group[0]["expr"] and 'app="x"' in group[0]["expr"] and 'namespace="stage"' not in group[0]["expr"]
    assert group[0]["for"] == "1m"


def write_rules(folder, groups):
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))


def test_promtool_accepts_the_rules(tmp_path):
    write_rules(tmp_path, rule_object()["spec"]["groups"])
    done = run(tool("promtool"), "check", "rules", "--lint=all", "--lint-fatal", tmp_path / "rules.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 rules found" in done.stdout


def test_promtool_accepts_the_dashboards_queries(tmp_path):
    rules = [
        {"record": f"panel:{i}", "expr": query.replace("$__rate_interval", "1m").replace("$namespace", ".*").replace("$job", ".*")}
        for i, (_, query) in enumerate(dashboard_queries())
    ]
    write_rules(tmp_path, [{"name": "dashboard", "rules": rules}])
    done = run(tool("promtool"), "check", "rules", tmp_path / "rules.yaml")
    assert done.returncode == 0 and f"{len(rules)} rules found" in done.stdout, done.stdout + done.stderr


def promtool_test(case):
    """What promtool is to expect of every alert at every moment that the case names."""
    known = rules()
    moments = [(at, name, False) for at in case.get("silent_at", []) for name in known]
    for fires, at in case.get("fires", {}).items():
        moments += [(at, name, name == fires) for name in known]
    expected = []
    for at, name, fires in moments:
        entry = {"eval_time": at, "alertname": name, "exp_alerts": []}
        if fires:
            labels = case.get("labels") or fired_labels(name)
            words = {**known[name]["annotations"]}
            if "description" in case:
                words["description"] = case["description"]
            entry["exp_alerts"] = [{"exp_labels": labels, "exp_annotations": words}]
        expected.append(entry)
    series = [{**each, "series": each["series"].replace("{{}", "{" + LABELS)} for each in case["series"]]
    return {"interval": "1m", "input_series": series, "alert_rule_test": expected}


def fired_labels(name):
    case = next(each for each in ALERTS["cases"] if name in each.get("fires", {}) and "labels" in each)
    return case["labels"]


@pytest.mark.parametrize("case", ALERTS["cases"], ids=[case["name"] for case in ALERTS["cases"]])
def test_alert(case, tmp_path):
    write_rules(tmp_path, rule_object()["spec"]["groups"])
    if "fires" in case and "description" not in case:
        case = {
            **case,
            "description": next(
                each["description"]
                for each in ALERTS["cases"]
                if each.get("fires", {}).keys() == case["fires"].keys() and "description" in each
            ),
        }
    (tmp_path / "test.yaml").write_text(
        yaml.safe_dump({"rule_files": ["rules.yaml"], "evaluation_interval": "30s", "tests": [promtool_test(case)]})
    )
    done = run(tool("promtool"), "test", "rules", "test.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_would_see_an_alert_that_does_not_fire(tmp_path):
    case = next(each for each in ALERTS["cases"] if each["name"] == "one request in ten takes a second")
    write_rules(tmp_path, rule_object(latency={"p95Seconds": 2.5})["spec"]["groups"])
    (tmp_path / "test.yaml").write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": [promtool_test(case)]}))
    assert run(tool("promtool"), "test", "rules", "test.yaml", cwd=tmp_path).returncode != 0
