"""From a config to the worker pod that Airflow's Kubernetes executor would ask for, without a cluster.

Needs the extra `kubernetes`, which make test-all installs. About 15 seconds.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.airflow_site import DagsFolder, Site, model
from support.programs import PROGRAMS

from elpa_airflow.dag.pods import pod_of
from elpa_core.errors import ConfigError

pytestmark = pytest.mark.slow

TEMPLATE = """\
apiVersion: v1
kind: Pod
metadata: {name: worker, labels: {tier: airflow}}
spec:
  restartPolicy: Never
  serviceAccountName: worker
  containers:
  - name: base
    image: apache/airflow:3.3.2
    resources: {requests: {cpu: "1", memory: 1Gi}}
    env: [{name: AIRFLOW__ELPA__STORE, value: "s3://aws@bucket/elpa"}]
    volumeMounts: [{name: dags, mountPath: /opt/airflow/dags}]
  volumes: [{name: dags, persistentVolumeClaim: {claimName: dags}}]
"""
POD = {
    "metadata": {"labels": {"team": "load"}},
    "spec": {
        "containers": [
            {
                "image": "registry.example/train-gpu:7",
                "resources": {
                    "requests": {"cpu": 4, "memory": "16Gi"},
                    "limits": {"memory": "16Gi", "nvidia.com/gpu": 1},
                },
                "env": [
                    {"name": "OMP_NUM_THREADS", "value": "4"},
                    {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "train", "key": "token"}}},
                ],
                "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}],
            }
        ],
        "nodeSelector": {"accelerator": "a100"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "volumes": [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}}],
    },
}
TOP_POD = {"spec": {"containers": [{"image": "registry.example/train:7"}], "priorityClassName": "batch"}}


@pytest.fixture(scope="module")
def found(new_site: Any) -> dict[str, Any]:
    site: Site = new_site("pods")
    models = [
        model("naive", airflow={"executor": "CeleryExecutor", "queue": "cheap"}),
        model("nhits", "offline", airflow={"pod_override": POD}),
        model("tide", "offline"),
    ]
    top = {"executor": "KubernetesExecutor", "pod_override": TOP_POD}
    site.config("pool", models, airflow=top)
    return dry(site)


class TestDryPods:
    def test_each_task_has_its_executor(self, found: dict[str, Any]) -> None:
        assert found["errors"] == {}
        assert found["executors"] == {
            "elpa_pool online.naive": "CeleryExecutor",
            "elpa_pool offline.nhits": "KubernetesExecutor",
            "elpa_pool offline.tide": "KubernetesExecutor",
            "elpa_pool integrate": None,
        }

    def test_the_worker_pod_is_the_template_with_what_the_config_says(self, found: dict[str, Any]) -> None:
        pod = found["pods"]["elpa_pool offline.nhits"]
        (base,) = pod["spec"]["containers"]
        assert (base["name"], base["image"]) == ("base", "registry.example/train-gpu:7")
        assert base["resources"] == {
            "requests": {"cpu": "4", "memory": "16Gi"},
            "limits": {"memory": "16Gi", "nvidia.com/gpu": "1"},
        }
        env = {one["name"]: one.get("value", one.get("valueFrom")) for one in base["env"]}
        assert (
            env.items()
            >= {
                "AIRFLOW__ELPA__STORE": "s3://aws@bucket/elpa",
                "OMP_NUM_THREADS": "4",
            }.items()
        )
        assert env["TOKEN"] == {"secretKeyRef": {"name": "train", "key": "token"}}
        assert base["volumeMounts"] == [
            {"name": "dags", "mountPath": "/opt/airflow/dags"},
            {"name": "shm", "mountPath": "/dev/shm"},
        ]
        assert base["args"][:3] == ["python", "-m", "airflow.sdk.execution_time.execute_workload"]
        spec = {name: value for name, value in pod["spec"].items() if name != "containers"}
        assert spec == {
            "restartPolicy": "Never",
            "serviceAccountName": "worker",
            "nodeSelector": {"accelerator": "a100"},
            "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
            "volumes": [
                {"name": "dags", "persistentVolumeClaim": {"claimName": "dags"}},
                {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}},
            ],
        }
        assert (
            pod["metadata"]["labels"].items()
            >= {
                "team": "load",
                "tier": "airflow",
                "dag_id": "elpa_pool",
                "task_id": "offline.nhits",
            }.items()
        )

    def test_a_model_without_a_pod_of_its_own_takes_that_of_the_top(self, found: dict[str, Any]) -> None:
        pod = found["pods"]["elpa_pool offline.tide"]
        assert pod["spec"]["containers"][0]["image"] == "registry.example/train:7"
        assert (pod["spec"]["priorityClassName"], "nodeSelector" in pod["spec"]) == ("batch", False)

    def test_only_a_config_with_a_pod_pays_for_the_client(self, new_site: Any) -> None:
        site: Site = new_site("no_pods")
        on_kubernetes = {"executor": "KubernetesExecutor"}
        site.config("pool", [model("naive"), model("nhits", "offline", airflow=on_kubernetes)])
        assert dry(site)["imported"] is False


def dry(site: Site) -> dict[str, Any]:
    template = site.dags / "template.yaml"
    template.write_text(TEMPLATE, encoding="utf-8")
    executors = {"AIRFLOW__CORE__EXECUTOR": "CeleryExecutor,KubernetesExecutor"}
    done = site.python(PROGRAMS / "dry_pods.py", site.dag_file, template, **executors)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def spec(**fields: Any) -> dict[str, Any]:
    return {"spec": fields}


def container(**fields: Any) -> dict[str, Any]:
    return spec(containers=[fields])


QUANTITY = "a quantity of Kubernetes, such as 4, 500m or 16Gi"
REQUIRED = "found nothing; expected a value: the field is required"


class TestWhatIsNoPod:
    @pytest.mark.parametrize(
        ("pod", "problems"),
        [
            (
                spec(nodeselector={"a": "b"}),
                [".spec.nodeselector: found an unknown field; expected one of activeDeadlineSeconds, "],
            ),
            (
                container(resource={}, image=7),
                [
                    ".spec.containers[0].resource: found an unknown field; expected one of args, ",
                    '.spec.containers[0].image: found 7; expected a string; write "7"',
                ],
            ),
            (
                container(resources={"limits": {"memory": "16Gb", "a.b/gpu": True}}),
                [
                    f'.spec.containers[0].resources.limits.memory: found "16Gb"; expected {QUANTITY}',
                    f'.spec.containers[0].resources.limits["a.b/gpu"]: found true; expected {QUANTITY}',
                ],
            ),
            (
                container(env=[{"value": 4}, {"name": "A", "value": "x"}], volumeMounts=[{"name": "shm"}]),
                [
                    '.spec.containers[0].env[0].value: found 4; expected a string; write "4"',
                    f".spec.containers[0].env[0].name: {REQUIRED}",
                    f".spec.containers[0].volumeMounts[0].mountPath: {REQUIRED}",
                ],
            ),
            (
                spec(containers={"image": "x"}, tolerations=["gpu"], hostNetwork="yes", priority=1.5),
                [
                    ".spec.containers: found an object; expected an array",
                    '.spec.tolerations[0]: found "gpu"; expected an object',
                    '.spec.hostNetwork: found "yes"; expected true or false',
                    ".spec.priority: found 1.5; expected an integer",
                ],
            ),
            (
                spec(containers=[{"name": "sidecar", "image": "x"}]),
                ['.spec.containers[0].name: found "sidecar"; expected "base"; it goes over the first'],
            ),
            (spec(containers=[{}, {"image": "x"}]), [f".spec.containers[1].name: {REQUIRED}"]),
            (
                {"spec": 3, "metadata": []},
                [".spec: found 3; expected an object", ".metadata: found an array"],
            ),
        ],
        ids=["selector", "container", "quantities", "required", "types", "base", "second", "top"],
    )
    def test_is_refused_with_each_place(self, pod: dict[str, Any], problems: list[str]) -> None:
        with pytest.raises(ConfigError) as caught:
            pod_of(pod, "pool.json", "$.airflow.pod_override")
        found = str(caught.value).splitlines()
        assert len(found) == len(problems)
        for line, problem in zip(found, problems, strict=True):
            assert line.startswith(f"pool.json: $.airflow.pod_override{problem}")

    def test_a_near_name_is_suggested(self) -> None:
        with pytest.raises(ConfigError, match=r'did you mean "nodeSelector"\?$'):
            pod_of(spec(nodeselector={}), "pool.json", "$")

    def test_all_of_a_config_is_named_at_once(self, folder: DagsFolder) -> None:
        from elpa_airflow.dag.builder import build_dag
        from elpa_core.config.loading import load_training_config

        own = {"executor": "Kubernetes", "pod_override": spec(tolerations=[{"keys": "gpu"}])}
        models = [model("on"), model("off", "offline", airflow=own)]
        path = folder.config("pool", models, airflow={"pod_override": container(imag="x")})
        with pytest.raises(ConfigError) as caught:
            build_dag(load_training_config(path), None)
        assert [problem.place for problem in caught.value.problems] == [
            "$.airflow.pod_override.spec.containers[0].imag",
            "$.models[1].airflow.executor",
            "$.models[1].airflow.pod_override.spec.tolerations[0].keys",
        ]


def test_a_whole_pod_as_kubernetes_writes_it_is_taken(tmp_path: Path) -> None:
    """Fields of many kinds: ports that are numbers or names, probes, affinity, times, lists of lists."""
    probe = {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 5}
    whole = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "x", "creationTimestamp": None, "annotations": {"a/b": "c"}},
        "spec": {
            "containers": [
                {
                    "name": "base",
                    "livenessProbe": probe,
                    "ports": [{"containerPort": 80, "name": "http"}],
                    "securityContext": {"runAsUser": 1000, "capabilities": {"drop": ["ALL"]}},
                    "envFrom": [{"configMapRef": {"name": "settings"}}],
                },
                {"name": "sidecar", "image": "proxy:1"},
            ],
            "initContainers": [{"name": "fetch", "image": "fetch:1"}],
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [
                    {"key": "gpu", "operator": "In", "values": ["a"]}
                ]}]
            }}},
            "terminationGracePeriodSeconds": 30,
            "volumes": [{"name": "cache", "emptyDir": {}}],
        },
    }  # fmt: skip
    from kubernetes.client import ApiClient

    written = ApiClient().sanitize_for_serialization(pod_of(whole, "pool.json", "$"))
    del whole["metadata"]["creationTimestamp"]  # type: ignore[attr-defined]
    assert written == whole
