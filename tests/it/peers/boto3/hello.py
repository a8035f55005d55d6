"""Creates, waits for, invokes, changes and deletes a function from the zip that is given, and reads its logs."""
import base64, boto3, json, sys
client, logs = boto3.client("lambda"), boto3.client("logs")
assert boto3.client("sts").get_caller_identity()["Account"].isdigit()
trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}}
role = boto3.client("iam").create_role(RoleName="peer", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
zip = open(sys.argv[1], "rb").read()
client.create_function(FunctionName="peer", Runtime="provided.al2023", Role=role, Handler="bootstrap",
                       Code={"ZipFile": zip}, Architectures=["arm64"], Timeout=10)
client.get_waiter("function_active_v2").wait(FunctionName="peer")
for n in range(3):
    answer = client.invoke(FunctionName="peer", Payload=json.dumps({"name": f"boto{n}"}), LogType="Tail")
    assert json.load(answer["Payload"]) == {"message": f"Hello, boto{n}!"}
    tail = base64.b64decode(answer["LogResult"]).decode()
    assert "REPORT RequestId: " + answer["ResponseMetadata"]["RequestId"] in tail, tail
    assert ("Init Duration" in tail) == (n == 0), tail
assert client.invoke(FunctionName="peer", InvocationType="DryRun")["StatusCode"] == 204
assert client.invoke(FunctionName="peer", InvocationType="Event", Payload="{}")["StatusCode"] == 202
group = "/aws/lambda/peer"
pages = list(logs.get_paginator("filter_log_events").paginate(logGroupName=group, PaginationConfig={"PageSize": 2}))
lines = [event["message"] for page in pages for event in page["events"]]
assert len(pages) > 2 and sum(line.startswith("REPORT") for line in lines) >= 3, (len(pages), lines)
assert len({event["eventId"] for page in pages for event in page["events"]}) == len(lines)
reports = logs.filter_log_events(logGroupName=group, filterPattern='"Init Duration"')["events"]
assert len(reports) >= 1, reports
assert logs.describe_log_streams(logGroupName=group)["logStreams"]
assert [f["FunctionName"] for f in client.list_functions()["Functions"]] == ["peer"]
client.update_function_configuration(FunctionName="peer", MemorySize=256)
client.get_waiter("function_updated_v2").wait(FunctionName="peer")
assert client.get_function_configuration(FunctionName="peer")["MemorySize"] == 256
try:
    client.create_function(FunctionName="peer", Runtime="provided.al2023", Role=role, Handler="b", Code={"ZipFile": zip})
    raise SystemExit("a second create was taken")
except client.exceptions.ResourceConflictException:
    pass
client.delete_function(FunctionName="peer")
try:
    client.invoke(FunctionName="peer")
    raise SystemExit("a deleted function answered")
except client.exceptions.ResourceNotFoundException:
    print("done")
