import boto3, time

logs = boto3.client("logs")
group = "/peer/paging"
logs.create_log_group(logGroupName=group)
start = int(time.time() * 1000) - 60_000
for stream in ("a", "b", "c"):
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    events = [{"timestamp": start + n // 7, "message": f"{stream} {n}"} for n in range(500)]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

def pages(size, **more):
    paginator = logs.get_paginator("filter_log_events")
    return list(paginator.paginate(logGroupName=group, PaginationConfig={"PageSize": size}, **more))

whole = [event for page in pages(97) for event in page["events"]]
assert len(pages(97)) == 16 and len(whole) == 1500
assert len({event["eventId"] for event in whole}) == 1500
assert [event["timestamp"] for event in whole] == sorted(event["timestamp"] for event in whole)
some = logs.filter_log_events(logGroupName=group, startTime=start + 3, endTime=start + 4)["events"]
assert len(some) == 3 * 14, len(some)
if "startFromHead" in logs.meta.service_model.operation_model("FilterLogEvents").input_shape.members:
    newest = [event for page in pages(97, startTime=start, startFromHead=False) for event in page["events"]]
    assert newest == whole[::-1]
# One stream: forwards to its end, where the same token comes back, and all the way back.
request, told = {"logGroupName": group, "logStreamName": "b", "limit": 90}, []
page = logs.get_log_events(startFromHead=True, **request)
while True:
    told += [event["message"] for event in page["events"]]
    token = page["nextForwardToken"]
    page = logs.get_log_events(nextToken=token, startFromHead=True, **request)
    if page["nextForwardToken"] == token:
        break
assert told == [f"b {n}" for n in range(500)]
back = []
while True:
    token = page["nextBackwardToken"]
    page = logs.get_log_events(nextToken=token, **request)
    if page["nextBackwardToken"] == token:
        break
    back = [event["message"] for event in page["events"]] + back
assert back == told
names = [stream["logStreamName"] for page in
         logs.get_paginator("describe_log_streams").paginate(
             logGroupName=group, orderBy="LastEventTime", descending=True, PaginationConfig={"PageSize": 2})
         for stream in page["logStreams"]]
assert names == ["c", "b", "a"], names
logs.put_retention_policy(logGroupName=group, retentionInDays=7)
assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["retentionInDays"] == 7
logs.delete_retention_policy(logGroupName=group)
logs.delete_log_stream(logGroupName=group, logStreamName="c")
assert len([event for page in pages(1000) for event in page["events"]]) == 1000
logs.delete_log_group(logGroupName=group)
try:
    logs.filter_log_events(logGroupName=group)
    raise SystemExit("a deleted group answered")
except logs.exceptions.ResourceNotFoundException:
    print("done")
