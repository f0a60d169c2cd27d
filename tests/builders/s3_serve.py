"""An S3 server on a free port of this machine until its input ends; run by the environment of ``s3_server.py``. It checks keys and signatures.

Its first line says where it is, and the keys of an admin, of an owner of pictures who may do what the documentation asks for and nothing else, and
of a stranger who may do nothing.
"""

from __future__ import annotations

import json
import sys
import urllib.request

import boto3
from moto.server import ThreadedMotoServer

OWNER = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"]


def main() -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    iam = boto3.client("iam", endpoint_url=url, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    people: dict[str, dict[str, str]] = {}
    for name, effect, actions in (("admin", "Allow", ["s3:*"]), ("owner", "Allow", OWNER), ("stranger", "Deny", ["s3:*"])):
        iam.create_user(UserName=name)
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": actions, "Resource": "*"}]}
        iam.put_user_policy(UserName=name, PolicyName="pictures", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        people[name] = {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
    # From now on every request must be signed by one of them.
    urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset-auth", b"0", {"content-type": "text/plain"}, method="POST"))
    print(json.dumps({"url": url, **people}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
