import boto3, time

logs = boto3.client("logs")
group = "/peer/filter"
logs.create_log_group(logGroupName=group, tags={"peer": "boto3"})
arn = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["logGroupArn"]
assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"peer": "boto3"}
start = int(time.time() * 1000) - 60_000
for stream in ("a", "b"):
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
lines = {
    "a": ["plain ERROR here", '{"level":"error","ms":1200,"user":{"id":7}}', "10.0.0.1 GET 404"],
    "b": ["all is well", '{"level":"info","ms":3}', "10.0.0.2 GET 200"],
}
for stream, messages in lines.items():
    events = [{"timestamp": start + n, "message": message} for n, message in enumerate(messages)]
    assert "rejectedLogEventsInfo" not in logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

def found(pattern, **more):
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, filterPattern=pattern, **more)
    return [event["message"] for page in pages for event in page["events"]]

for pattern, expected in [
    ("ERROR", [lines["a"][0]]),
    ("GET -200", [lines["a"][2]]),
    ("?ERROR ?well", [lines["a"][0], lines["b"][0]]),
    ('"is well"', [lines["b"][0]]),
    ('{ $.level = "err*" && ($.ms > 1e3 || $.user.id IS NULL) }', [lines["a"][1]]),
    ("{ $.user NOT EXISTS }", [lines["b"][1]]),
    ("[ip = 10.*, method, status = 4*]", [lines["a"][2]]),
    (r"%^10\.0\.0\.\d\s%", [lines["a"][2], lines["b"][2]]),
]:
    assert found(pattern) == expected, (pattern, found(pattern))
assert found("", logStreamNamePrefix="b") == lines["b"]
for wrong in ("a@b", "{ $.a > b }", "[a", "%a(b)%"):
    try:
        found(wrong)
        raise SystemExit(f"{wrong} was taken")
    except logs.exceptions.InvalidParameterException:
        pass
print("done")
