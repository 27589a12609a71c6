# One image for door, worker and cron: `serve`, `serve --no-worker`, `work`, `work --once`, `sync --yes`, `db migrate`.
# Its base can be pinned by digest: --build-arg PYTHON=python:3.13-slim-bookworm@sha256:…
ARG PYTHON=docker.io/library/python:3.13-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY deploy/requirements.txt deploy/build.txt deploy/
RUN python3 -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes -r deploy/build.txt \
    && python3 -m venv --without-pip /opt/agentctl \
    && /opt/build/bin/pip --python /opt/agentctl install --no-cache-dir --require-hashes -r deploy/requirements.txt
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY scripts/vendor.py scripts/
COPY agentctl agentctl
COPY webhooks webhooks
COPY supabase/migrations supabase/migrations
# The same sources make the same bytes, at whatever time: no clock of the build is in them.
ENV SOURCE_DATE_EPOCH=315532800
RUN /opt/build/bin/python -m hatchling build --target wheel --directory /opt/wheel \
    && /opt/build/bin/pip --python /opt/agentctl install --no-cache-dir --no-index --no-deps /opt/wheel/*.whl \
    && /opt/agentctl/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/agentctl/lib \
    && install -d -m 0770 /opt/project/.agentctl

FROM ${PYTHON}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="agentctl" \
      org.opencontainers.image.description="Webhook door and worker of phone assistants at ElevenLabs" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/agentctl /opt/agentctl
# Group 0 may write there, so that any user that a platform chooses can (OpenShift); nothing else has to be writable.
COPY --from=build --chown=10001:0 /opt/project /project
ENV PATH=/opt/agentctl/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /project
USER 10001:0
EXPOSE 8080
STOPSIGNAL SIGTERM
# Whether the process answers, not whether its database does: a restart would not bring that back.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python3", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["agentctl"]
CMD ["serve", "--host", "0.0.0.0"]
