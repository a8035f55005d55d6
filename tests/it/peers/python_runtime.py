"""A function on AWS's Python runtime that returns its event, or fails."""


def handler(event, context):
    print("seen", context.aws_request_id)
    if event.get("fail"):
        raise ValueError("as asked")
    return {"got": event, "left": context.get_remaining_time_in_millis() > 0}
