"""Prints the status of a call that is signed with another secret."""
import boto3, botocore, os
try:
    boto3.client("lambda", aws_secret_access_key="wrong", aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"]).list_functions()
    raise SystemExit("an unsigned caller got in")
except botocore.exceptions.ClientError as error:
    print(error.response["ResponseMetadata"]["HTTPStatusCode"])
