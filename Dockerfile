FROM python:3.13-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements/service.txt requirements/build.txt /requirements/
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --require-hashes --requirement /requirements/service.txt \
    && pip install --require-hashes --requirement /requirements/build.txt --target /backend
WORKDIR /opt/throughline
COPY LICENSE README.md pyproject.toml ./
COPY migrations migrations
COPY app app
# The backend that installs the project stays behind in this stage.
RUN PYTHONPATH=/backend /opt/venv/bin/pip install --no-index --no-deps --no-build-isolation --editable . \
    && /opt/venv/bin/python -m compileall -q /opt/venv/lib app migrations

FROM python:3.13-slim-trixie
RUN useradd --system --user-group --uid 10001 --create-home --home-dir /data --shell /usr/sbin/nologin throughline
COPY --from=build /opt /opt
ENV PATH="/opt/venv/bin:$PATH" PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# The embedded database and its key stand here; with THROUGHLINE_DATABASE_URL nothing does.
WORKDIR /data
VOLUME /data
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "-c", "import os, urllib.request as web; web.urlopen('http://127.0.0.1:' + os.environ.get('THROUGHLINE_PORT', '8000') + '/healthz', timeout=4)"]
CMD ["throughline", "serve", "--host", "0.0.0.0"]
