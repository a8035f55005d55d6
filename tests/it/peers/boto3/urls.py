# Signed and presigned requests to a function URL, made by botocore and sent by Python, curl and Node.
import boto3, json, os, shutil, subprocess, sys, urllib.error, urllib.request
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

client = boto3.client("lambda")
trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}}
role = boto3.client("iam").create_role(RoleName="urls", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
client.create_function(FunctionName="echo", Runtime="provided.al2023", Role=role, Handler="bootstrap",
                       Code={"ZipFile": open(sys.argv[1], "rb").read()})
client.get_waiter("function_active_v2").wait(FunctionName="echo")
config = client.create_function_url_config(FunctionName="echo", AuthType="AWS_IAM")
url = config["FunctionUrl"].rstrip("/")
keys = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
region = os.environ["AWS_DEFAULT_REGION"]


def send(url, method="GET", data=None, headers={}):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method)) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def presign(url, service="lambda", region=region, expires=60):
    request = AWSRequest("GET", url)
    SigV4QueryAuth(keys, service, region, expires=expires).add_auth(request)
    return request.url


good = presign(url + "/a%20b/c?x=1&y=%C3%BC%20z")
status, event = send(good)
assert (status, event["rawPath"]) == (200, "/a%20b/c") and event["queryStringParameters"]["y"] == "ü z", event
assert event["requestContext"]["authorizer"]["iam"]["accessKey"] == keys.access_key
for bad, words in ((good.replace("x=1", "x=2"), "does not match"),
                   (good.replace("X-Amz-Expires=60", "X-Amz-Expires=61"), "does not match"),
                   (presign(url, service="execute-api"), "correct service: 'lambda'"),
                   (presign(url, region="eu-west-9"), "valid region, not 'eu-west-9'"),
                   (url, "Forbidden")):
    status, answer = send(bad)
    assert status == 403 and words in answer["Message"], (bad, status, answer)

request = AWSRequest("POST", url + "/x?b=2&a=1", data=b"{}", headers={"Content-Type": "application/json", "X-Amz-Note": "1"})
SigV4Auth(keys, "lambda", region).add_auth(request)
assert send(request.url, "POST", b"{}", dict(request.headers))[0] == 200
bare = dict(request.headers, **{"X-Amz-Target": "late"})
status, answer = send(request.url, "POST", b"{}", bare)
assert status == 403 and "x-amz-target" in answer["Message"], answer

for program, arguments in (
    ("curl", ["--silent", "--fail", "--aws-sigv4", f"aws:amz:{region}:lambda", "--user", f"{keys.access_key}:{keys.secret_key}", url + "/n?x=1"]),
    ("node", ["-e", "fetch(process.argv[1]).then(async answer => console.log(await answer.text()))", presign(url + "/n?x=1")]),
):
    if not shutil.which(program):
        print(f"skipped: {program} is not installed", file=sys.stderr)
        continue
    answer = subprocess.run([program, *arguments], capture_output=True, text=True)
    assert answer.returncode == 0, (program, answer)
    assert json.loads(answer.stdout)["rawPath"] == "/n", (program, answer.stdout)
print("done")
