"""What is not the real thing in these tests, and all of it: services of GitHub and Sigstore that cannot be reached from here.

The workflows, their scripts, Docker, the registry, git, Helm, cosign, Kubernetes and Argo CD are real."""

# Every action that the two workflows use has a stand-in in the lab; this is what each does instead.
ACTIONS = {
    "actions/checkout": "act copies the pushed commit into the job, as the action would fetch it",
    "docker/setup-buildx-action": "nothing: the Engine's own BuildKit builds",
    "docker/login-action": "docker login, to the local registry",
    "docker/build-push-action": "docker build and docker push; no GitHub cache, no SBOM and no provenance attestation",
    "azure/setup-helm": "nothing: the runner has Helm",
    "sigstore/cosign-installer": "nothing: the runner has cosign",
    "actions/attest-build-provenance": "nothing: the attestation would be GitHub's",
}

# Settings that a team on GitHub does not make, and what they stand for.
VARIABLES = {
    "REGISTRY": "the local registry in place of ghcr.io",
    "ENV_REPO": "a bare repository of the local git server in place of one on GitHub, so a pull request is a pushed branch",
    "COSIGN_KEY": "a key pair in place of the keyless signature, whose certificate is Sigstore's",
    "CI_IMAGE": "an image with the packages of scripts/deps, so that each job does not install them",
    "TEST_SUITES": "one quick suite in place of make test, which the same CI runs beside this",
    "LINT_LEVEL": "without clang-tidy, for the same reason",
}

# What GitHub itself does between a push and a run: it matches the push with the workflows' triggers. chain/forge.py does it here.
