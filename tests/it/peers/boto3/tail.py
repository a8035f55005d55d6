import boto3, os, threading, time

# Live tail goes to a host with a prefix, which a loopback address cannot have.
logs = boto3.client("logs", config=boto3.session.Config(inject_host_prefix=False))
group = "/peer/tail"
logs.create_log_group(logGroupName=group)
for stream in ("a", "b"):
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
arn = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["logGroupArn"]
session = logs.start_live_tail(logGroupIdentifiers=[arn], logStreamNames=["a"], logEventFilterPattern="{ $.n >= 0 }")

def put(first, count):
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": f'{{"n":{first + n}}}'} for n in range(count)]
    for stream in ("a", "b"):
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

told, sampled, seen = [], False, []
for event in session["responseStream"]:
    if "sessionStart" in event:
        start = event["sessionStart"]
        assert start["logStreamNames"] == ["a"] and start["logGroupIdentifiers"] == [arn] and start["sessionId"], start
        put(0, 3)
        continue
    update = event["sessionUpdate"]
    results = update["sessionResults"]
    assert len(results) <= 500 and all(line["logStreamName"] == "a" for line in results)
    seen.append(len(results))
    told += [line["message"] for line in results]
    sampled = sampled or update["sessionMetadata"]["sampled"]
    if len(told) == 3 and not sampled:
        assert told == ['{"n":0}', '{"n":1}', '{"n":2}'], told
        put(3, 5000)
    if sampled:
        break
session["responseStream"].close()
assert len(told) == 503 and len(set(told)) == 503, (seen, len(told))
print("done")
