"""The CDK application: renders what the actions say about themselves into one CloudFormation stack.

Nothing that runs imports it. Call ``node.ensure`` before any module here that imports ``aws_cdk`` is imported.
"""
