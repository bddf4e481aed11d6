"""Uses the client of the documentation on a real coordinator: STEP CONTEXT URL.

Steps: `monitors` while the target is well, `incident` while it is down, `recovered` after it. The
step `events` prints for ever and takes a cursor in place of the URL.
"""

import sys
import time

import grpc
import vigilmon_client as client
from google.rpc.error_details_pb2 import ErrorInfo, ResourceInfo
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from vigilmon.v1 import incident_pb2, incident_pb2_grpc, monitor_pb2, monitor_pb2_grpc

REGIONS = {"us-east", "eu-west", "ap-southeast"}
NAME = "python"
WITHIN = 20


def refused(code, ask, *arguments, **named):
    """The error of a call that must be refused with a code."""
    try:
        ask(*arguments, **named)
    except grpc.RpcError as error:
        assert error.code() == code, (code, error)
        return error
    raise AssertionError(f"{ask} was not refused")


def detail(error, kind):
    """The detail of a kind that an error carries."""
    for any_detail in rpc_status.from_call(error).details:
        found = kind()
        if any_detail.Unpack(found):
            return found
    raise AssertionError(f"no {kind} in {error}")


def until(what, condition):
    start = time.monotonic()
    while not (found := condition()):
        assert time.monotonic() - start < WITHIN, what
        time.sleep(0.1)
    return found


def monitors_step(monitors, url):
    made = client.create(monitors, NAME, url)
    assert (made.name, made.kind, made.target) == (NAME, "http", url), made
    assert set(made.spec.regions) == REGIONS, made
    assert made.spec.interval.seconds == 30 and made.spec.quorum == "majority", made
    assert made.create_time.ToDatetime() == made.update_time.ToDatetime(), made

    changed = client.change_interval(monitors, made, 1)
    assert changed.spec.interval.seconds == 1 and changed.etag != made.etag
    assert changed.spec.http == made.spec.http, "what the mask does not name stays"
    late = refused(grpc.StatusCode.ABORTED, client.change_interval, monitors, made, 2)
    assert detail(late, ResourceInfo).resource_name

    again = refused(grpc.StatusCode.ALREADY_EXISTS, client.create, monitors, NAME, url)
    assert detail(again, ResourceInfo).resource_name == NAME
    wrong = refused(grpc.StatusCode.INVALID_ARGUMENT, client.create, monitors, "-", "ftp://x")
    fields = client.problems(wrong)
    assert {"name", "http.url"} <= fields.keys(), fields
    assert "http" in fields["http.url"], fields
    nowhere = monitor_pb2.GetMonitorRequest(ref="nowhere")
    refused(grpc.StatusCode.NOT_FOUND, monitors.GetMonitor, nowhere)

    def all_pass():
        status, regions = client.votes(monitors, NAME)
        passing = {region for region, vote in regions.items() if vote == "STANDING_PASSING"}
        return status == "MONITOR_STATUS_UP" and passing == REGIONS

    until("every region votes up", all_pass)
    rows = list(client.check(monitors, NAME))
    assert {region for region, _, _ in rows} == REGIONS, rows
    assert all(outcome == "OUTCOME_UP" for _, outcome, _ in rows), rows

    for n in range(3):
        client.create(monitors, f"page-{n}", url)
    request = monitor_pb2.ListMonitorsRequest(page_size=2)
    page = monitors.ListMonitors(request, timeout=client.SOON)
    assert len(page.monitors) == 2 and page.next_page_token and page.total_size >= 4, page
    named = [monitor.name for monitor in client.every_monitor(monitors)]
    assert named == sorted(named) and {NAME, "page-0", "page-1", "page-2"} <= set(named), named
    for n in range(3):
        monitors.DeleteMonitor(monitor_pb2.DeleteMonitorRequest(ref=f"page-{n}"))


def incident_step(monitors, incidents):
    def opened():
        return [one for one in client.open_incidents(incidents) if one.monitor.name == NAME]

    [incident] = until("an incident opens", opened)
    assert incident.reason.code == "http_status" and incident.reason.status_code == 503, incident
    assert len(incident.named) >= 2 and incident.scope == incident_pb2.SCOPE_GLOBAL, incident
    assert client.votes(monitors, NAME)[0] == "MONITOR_STATUS_DOWN"
    for _, outcome, reason in client.check(monitors, NAME):
        assert (outcome, reason) == ("OUTCOME_DOWN", "503 Service Unavailable")

    ask = incident_pb2.AcknowledgeIncidentRequest(ref=incident.id, note="from Python")
    taken = incidents.Acknowledge(ask, timeout=client.SOON)
    assert taken.status == incident_pb2.INCIDENT_STATUS_ACKNOWLEDGED, taken
    resolve = incident_pb2.ResolveIncidentRequest(ref=incident.id)
    still_down = refused(grpc.StatusCode.FAILED_PRECONDITION, incidents.Resolve, resolve)
    assert detail(still_down, ErrorInfo).metadata["hint"], still_down
    explain = incident_pb2.ExplainIncidentRequest(ref=incident.id)
    evidence = incidents.Explain(explain, timeout=client.SOON).incident.transitions[0].evidence
    assert {region.region for region in evidence.regions} == REGIONS, evidence


def recovered_step(incidents):
    until("the incident ends", lambda: not client.open_incidents(incidents))
    newest = incident_pb2.ListIncidentsRequest(monitor=NAME)
    [incident] = incidents.ListIncidents(newest, timeout=client.SOON).incidents
    assert incident.resolution == incident_pb2.RESOLUTION_RECOVERED, incident
    assert incident.duration.ToTimedelta().total_seconds() > 0, incident


def without_a_token(context_file):
    """Health answers everybody; nothing else does."""
    context = client.tomllib.loads(client.Path(context_file).read_text())
    tls = grpc.ssl_channel_credentials(client.Path(context["ca_file"]).read_bytes())
    with grpc.secure_channel(client.urlsplit(context["endpoint"]).netloc, tls) as bare:
        health = health_pb2_grpc.HealthStub(bare).Check(health_pb2.HealthCheckRequest(), timeout=10)
        assert health.status == health_pb2.HealthCheckResponse.SERVING, health
        monitors = monitor_pb2_grpc.MonitorServiceStub(bare)
        ask = monitor_pb2.ListMonitorsRequest()
        refused(grpc.StatusCode.UNAUTHENTICATED, monitors.ListMonitors, ask)


def main():
    step, context_file, url = sys.argv[1:]
    with client.connect(context_file) as channel:
        monitors = monitor_pb2_grpc.MonitorServiceStub(channel)
        incidents = incident_pb2_grpc.IncidentServiceStub(channel)
        match step:
            case "monitors":
                without_a_token(context_file)
                monitors_step(monitors, url)
            case "incident":
                incident_step(monitors, incidents)
            case "recovered":
                recovered_step(incidents)
            case "events":
                client.print_events(channel, cursor=url)


main()
