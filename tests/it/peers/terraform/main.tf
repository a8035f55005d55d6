# A function with all that hangs on it, through AWS's provider as `lambda-console local` says to configure it.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" {}
variable "region" {}
variable "zip" {}
variable "text" {
  default = "first"
}

provider "aws" {
  region                      = var.region
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  endpoints {
    lambda = var.endpoint
    logs   = var.endpoint
    iam    = var.endpoint
    sts    = var.endpoint
  }
}

locals {
  trust = {
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  }
  send = {
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sqs:SendMessage", Resource = "*" }]
  }
}

resource "aws_iam_policy" "own" {
  name   = "own"
  path   = "/team/"
  policy = jsonencode(local.send)
  tags   = { text = var.text }
}

resource "aws_iam_role" "role" {
  name                 = "role"
  description          = var.text
  max_session_duration = 7200
  permissions_boundary = aws_iam_policy.own.arn
  assume_role_policy   = jsonencode(local.trust)
  tags                 = { text = var.text }
}

resource "aws_iam_role_policy_attachment" "own" {
  role       = aws_iam_role.role.name
  policy_arn = aws_iam_policy.own.arn
}

resource "aws_iam_role_policy" "inline" {
  name   = "inline"
  role   = aws_iam_role.role.id
  policy = jsonencode(local.send)
}

resource "aws_cloudwatch_log_group" "logs" {
  name              = "/aws/lambda/peer"
  retention_in_days = var.text == "first" ? 7 : 14
  tags              = { text = var.text }
}

resource "aws_lambda_layer_version" "layer" {
  layer_name          = "layer"
  filename            = var.zip
  compatible_runtimes = ["provided.al2023"]
}

resource "aws_lambda_layer_version_permission" "layer" {
  layer_name     = aws_lambda_layer_version.layer.layer_name
  version_number = aws_lambda_layer_version.layer.version
  statement_id   = "other"
  action         = "lambda:GetLayerVersion"
  principal      = "111111111111"
}

resource "aws_lambda_function" "peer" {
  function_name                  = "peer"
  role                           = aws_iam_role.role.arn
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  filename                       = var.zip
  source_code_hash               = filebase64sha256(var.zip)
  publish                        = true
  description                    = var.text
  timeout                        = 10
  layers                         = [aws_lambda_layer_version.layer.arn]
  reserved_concurrent_executions = 5
  tags                           = { text = var.text }
  environment {
    variables = { TEXT = var.text }
  }
  dead_letter_config {
    target_arn = "arn:aws:sqs:${var.region}:000000000000:dead"
  }
  ephemeral_storage {
    size = 1024
  }
  logging_config {
    log_format            = "JSON"
    application_log_level = "INFO"
    system_log_level      = "WARN"
    log_group             = aws_cloudwatch_log_group.logs.name
  }
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.peer.function_name
  function_version = aws_lambda_function.peer.version
}

resource "aws_lambda_function_url" "url" {
  function_name      = aws_lambda_function.peer.function_name
  qualifier          = aws_lambda_alias.live.name
  authorization_type = "NONE"
  invoke_mode        = "RESPONSE_STREAM"
  cors {
    allow_origins = ["https://example.com"]
  }
}

resource "aws_lambda_permission" "bucket" {
  statement_id  = "bucket"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.peer.function_name
  principal     = "s3.amazonaws.com"
  source_arn    = "arn:aws:s3:::bucket"
}

resource "aws_lambda_function_event_invoke_config" "events" {
  function_name          = aws_lambda_function.peer.function_name
  qualifier              = aws_lambda_alias.live.name
  maximum_retry_attempts = 1
}

resource "aws_lambda_runtime_management_config" "runtime" {
  function_name     = aws_lambda_function.peer.function_name
  update_runtime_on = "FunctionUpdate"
}

resource "aws_lambda_function_recursion_config" "recursion" {
  function_name  = aws_lambda_function.peer.function_name
  recursive_loop = "Allow"
}

data "aws_iam_policy" "basic" {
  arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

data "aws_lambda_function" "live" {
  function_name = aws_lambda_function.peer.function_name
  qualifier     = aws_lambda_alias.live.name
}
