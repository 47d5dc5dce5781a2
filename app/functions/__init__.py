"""The product on AWS Lambda: one module for each function, whose `handler` Lambda calls.

    resolver    AppSync's fields             authorizer  AppSync's Lambda mode
    changes     DynamoDB Streams             queue       SQS
    schedule    EventBridge Scheduler        web         HTTP (a function URL, or API Gateway)

These modules are where a process begins, like `app/__main__.py`: importing one opens what its calls need, because
that is what Lambda's init is. All else in this package is imported like any module. No code of the product is here,
only what brings Lambda's events to it; docs/lambda.md tells operators more.
"""
