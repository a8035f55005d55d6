# A function's whole life: create, wait, invoke, versions, alias, URL, logs, delete.
import base64, boto3, json, sys, urllib.error, urllib.parse, urllib.request

client, logs = boto3.client("lambda"), boto3.client("logs")
trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}}
role = boto3.client("iam").create_role(RoleName="life", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
zip = open(sys.argv[1], "rb").read()
client.create_function(FunctionName="life", Runtime="provided.al2023", Role=role, Handler="bootstrap",
                       Code={"ZipFile": zip}, Architectures=["arm64"], Timeout=10)
client.get_waiter("function_active_v2").wait(FunctionName="life")

def invoke(**how):
    answer = client.invoke(FunctionName="life", Payload=json.dumps({"name": "boto"}), **how)
    assert json.load(answer["Payload"]) == {"message": "Hello, boto!"}
    return answer

assert invoke()["ExecutedVersion"] == "$LATEST"

# Versions and an alias between two of them.
first = client.publish_version(FunctionName="life", Description="one")["Version"]
client.get_waiter("published_version_active").wait(FunctionName="life", Qualifier=first)
assert client.publish_version(FunctionName="life")["Version"] == first, "nothing has changed"
client.update_function_configuration(FunctionName="life", MemorySize=256)
client.get_waiter("function_updated_v2").wait(FunctionName="life")
second = client.publish_version(FunctionName="life")["Version"]
assert (first, second) == ("1", "2")
pages = client.get_paginator("list_versions_by_function").paginate(FunctionName="life", PaginationConfig={"PageSize": 1})
assert [v["Version"] for page in pages for v in page["Versions"]] == ["$LATEST", "1", "2"]
client.create_alias(FunctionName="life", Name="live", FunctionVersion=first)
assert invoke(Qualifier="live")["ExecutedVersion"] == "1"
client.update_alias(FunctionName="life", Name="live", RoutingConfig={"AdditionalVersionWeights": {second: 0.5}})
seen = {invoke(Qualifier="live")["ExecutedVersion"] for _ in range(40)}
assert seen == {"1", "2"}, seen
try:
    client.delete_function(FunctionName="life", Qualifier=first)
    raise SystemExit("a version that an alias needs was deleted")
except client.exceptions.ResourceConflictException:
    pass

# A URL: closed until the policy opens it.
url = client.create_function_url_config(FunctionName="life", Qualifier="live", AuthType="NONE")["FunctionUrl"]
try:
    urllib.request.urlopen(url)
    raise SystemExit("a URL without permission answered")
except urllib.error.HTTPError as error:
    assert error.code == 403, error
client.add_permission(FunctionName="life", Qualifier="live", StatementId="url", Principal="*",
                      Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE")
client.add_permission(FunctionName="life", Qualifier="live", StatementId="invoke", Principal="*",
                      Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True)
with urllib.request.urlopen(url) as answer:
    assert answer.status == 200 and "message" in json.load(answer)

# Logs: a stream for each sandbox, with its version in its name.
group = "/aws/lambda/life"
names = [stream["logStreamName"] for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]]
assert {name.split("[")[1].split("]")[0] for name in names} == {"$LATEST", "1", "2"}, names
pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, filterPattern="REPORT -Init")
assert all("REPORT" in event["message"] and "Init" not in event["message"] for page in pages for event in page["events"])

client.delete_function(FunctionName="life")
assert client.list_functions()["Functions"] == []
print("done")
