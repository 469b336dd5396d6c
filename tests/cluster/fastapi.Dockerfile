# FastAPI beside it: bench/peers/fastapi, with its wheels in wheels/.
ARG BASE=debian:trixie-slim
FROM ${BASE}
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
COPY requirements.txt /peer/
COPY wheels /peer/wheels
RUN python3 -m venv /peer/venv && /peer/venv/bin/pip install -q --no-index --find-links /peer/wheels -r /peer/requirements.txt
COPY main.py /peer/
WORKDIR /peer
USER 1000:1000
CMD ["/peer/venv/bin/uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000", "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
