# What Terraform's AWS provider asks over the life of a function, in its order: each write, and the reads after it.
import boto3, json, sys

awslambda, iam, logs = (boto3.client(name) for name in ("lambda", "iam", "logs"))
code = open(sys.argv[1], "rb").read()
trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]})
send = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}]})


def tags(mapping):
    return [{"Key": key, "Value": value} for key, value in mapping.items()]


def gone(call, *names, **arguments):
    try:
        call(**arguments)
    except Exception as error:
        assert error.response["Error"]["Code"] in names, error
        return
    raise SystemExit(f"{call} found what is no more")


boto3.client("sts").get_caller_identity()

# A policy of one's own, and a role with all that it may have.
policy = iam.create_policy(PolicyName="own", Path="/team/", PolicyDocument=send, Tags=tags({"a": "b"}))["Policy"]
arn = policy["Arn"]
found = iam.get_policy(PolicyArn=arn)["Policy"]
assert found["Tags"] == tags({"a": "b"}) and found["DefaultVersionId"] == "v1", found
assert iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] == json.loads(send)
iam.create_role(RoleName="role", AssumeRolePolicyDocument=trust, MaxSessionDuration=7200, Description="first",
                Tags=tags({"text": "first"}), PermissionsBoundary=arn)
role = iam.get_role(RoleName="role")["Role"]
assert role["Tags"] == tags({"text": "first"}) and role["MaxSessionDuration"] == 7200, role
assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn and role["AssumeRolePolicyDocument"] == json.loads(trust)
iam.attach_role_policy(RoleName="role", PolicyArn=arn)
iam.put_role_policy(RoleName="role", PolicyName="inline", PolicyDocument=send)
assert [p["PolicyArn"] for p in iam.list_attached_role_policies(RoleName="role")["AttachedPolicies"]] == [arn]
assert iam.list_role_policies(RoleName="role")["PolicyNames"] == ["inline"]
assert iam.get_role_policy(RoleName="role", PolicyName="inline")["PolicyDocument"] == json.loads(send)
iam.update_role(RoleName="role", Description="second", MaxSessionDuration=3600)
iam.update_assume_role_policy(RoleName="role", PolicyDocument=trust)
iam.tag_role(RoleName="role", Tags=tags({"text": "second"}))
iam.untag_role(RoleName="role", TagKeys=["text"])
assert iam.list_role_tags(RoleName="role")["Tags"] == []
assert iam.list_instance_profiles_for_role(RoleName="role")["InstanceProfiles"] == []

# A log group: its ARN with the end that some answers have, and without it.
logs.create_log_group(logGroupName="/aws/lambda/peer", tags={"text": "first"})
logs.put_retention_policy(logGroupName="/aws/lambda/peer", retentionInDays=7)
group = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/peer")["logGroups"][0]
assert group["arn"] == group["logGroupArn"] + ":*" and group["retentionInDays"] == 7, group
logs.tag_resource(resourceArn=group["logGroupArn"], tags={"text": "second"})
assert logs.list_tags_for_resource(resourceArn=group["logGroupArn"])["tags"] == {"text": "second"}

# A layer and who may use it.
layer = awslambda.publish_layer_version(LayerName="layer", Content={"ZipFile": code})
awslambda.add_layer_version_permission(LayerName="layer", VersionNumber=1, StatementId="s", Action="lambda:GetLayerVersion", Principal="*")
assert json.loads(awslambda.get_layer_version_policy(LayerName="layer", VersionNumber=1)["Policy"])["Statement"][0]["Sid"] == "s"
assert awslambda.get_layer_version_by_arn(Arn=layer["LayerVersionArn"])["Version"] == 1

# The function, and every read after it.
awslambda.create_function(FunctionName="peer", Runtime="provided.al2023", Role=role["Arn"], Handler="bootstrap", Publish=True,
                       Code={"ZipFile": code}, Layers=[layer["LayerVersionArn"]], Tags={"text": "first"},
                       DeadLetterConfig={"TargetArn": "arn:aws:sqs:us-east-1:000000000000:dead"},
                       LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "WARN", "LogGroup": "/aws/lambda/peer"})
awslambda.get_waiter("function_active_v2").wait(FunctionName="peer")
awslambda.put_function_concurrency(FunctionName="peer", ReservedConcurrentExecutions=5)
peer = awslambda.get_function(FunctionName="peer")
assert peer["Tags"] == {"text": "first"} and peer["Concurrency"] == {"ReservedConcurrentExecutions": 5}, peer
assert peer["Configuration"]["DeadLetterConfig"]["TargetArn"].endswith(":dead")
assert "CodeSigningConfigArn" not in awslambda.get_function_code_signing_config(FunctionName="peer")
assert [v["Version"] for v in awslambda.list_versions_by_function(FunctionName="peer")["Versions"]] == ["$LATEST", "1"]
assert awslambda.get_runtime_management_config(FunctionName="peer")["UpdateRuntimeOn"] == "Auto"
awslambda.put_runtime_management_config(FunctionName="peer", UpdateRuntimeOn="FunctionUpdate")
assert awslambda.get_runtime_management_config(FunctionName="peer")["UpdateRuntimeOn"] == "FunctionUpdate"
assert awslambda.get_function_recursion_config(FunctionName="peer")["RecursiveLoop"] == "Terminate"
awslambda.put_function_recursion_config(FunctionName="peer", RecursiveLoop="Allow")
assert awslambda.get_function_recursion_config(FunctionName="peer")["RecursiveLoop"] == "Allow"
assert awslambda.list_code_signing_configs()["CodeSigningConfigs"] == []
assert awslambda.list_event_source_mappings(FunctionName="peer")["EventSourceMappings"] == []
assert awslambda.list_provisioned_concurrency_configs(FunctionName="peer")["ProvisionedConcurrencyConfigs"] == []
gone(awslambda.get_policy, "ResourceNotFoundException", FunctionName="peer")
gone(awslambda.put_function_code_signing_config, "CodeSigningConfigNotFoundException", FunctionName="peer",
     CodeSigningConfigArn="arn:aws:lambda:us-east-1:000000000000:code-signing-config:csc-0123456789abcdef0")
awslambda.create_alias(FunctionName="peer", Name="live", FunctionVersion="1")
awslambda.put_function_event_invoke_config(FunctionName="peer", Qualifier="live", MaximumRetryAttempts=1)
assert awslambda.get_function_event_invoke_config(FunctionName="peer", Qualifier="live")["MaximumRetryAttempts"] == 1
for action, wrong in (("lambda:InvokeFunction", {"FunctionUrlAuthType": "NONE"}),
                      ("lambda:InvokeFunctionUrl", {"InvokedViaFunctionUrl": True})):
    gone(awslambda.add_permission, "InvalidParameterValueException", FunctionName="peer", StatementId="x", Action=action,
         Principal="*", **wrong)

# What is not served says so, in the words of its service.
gone(awslambda.create_event_source_mapping, "UnknownOperationException", FunctionName="peer", EventSourceArn="arn:aws:sqs:us-east-1:000000000000:q")
gone(iam.create_user, "InvalidAction", UserName="somebody")
gone(logs.describe_queries, "UnknownOperationException")
gone(boto3.client("dynamodb").list_tables, "InvalidSignatureException")
gone(boto3.client("lambda", region_name="eu-west-9").list_functions, "InvalidSignatureException")
gone(boto3.client("sts", region_name="eu-west-9").get_caller_identity, "SignatureDoesNotMatch")

# All of it goes again.
awslambda.delete_function(FunctionName="peer")
awslambda.remove_layer_version_permission(LayerName="layer", VersionNumber=1, StatementId="s")
awslambda.delete_layer_version(LayerName="layer", VersionNumber=1)
logs.delete_log_group(logGroupName="/aws/lambda/peer")
iam.detach_role_policy(RoleName="role", PolicyArn=arn)
iam.delete_role_policy(RoleName="role", PolicyName="inline")
iam.delete_role_permissions_boundary(RoleName="role")
iam.delete_role(RoleName="role")
iam.delete_policy(PolicyArn=arn)
gone(iam.get_role, "NoSuchEntity", RoleName="role")
gone(iam.get_policy, "NoSuchEntity", PolicyArn=arn)
gone(awslambda.get_function_recursion_config, "ResourceNotFoundException", FunctionName="peer")
print("done")
