"""The functions on AWS Lambda, in process and under the runtime client that Lambda itself uses."""
