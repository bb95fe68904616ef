# The README's own commands, as a user of the image's own, with everything that is kept in /data.
# The digest is that of the index of all platforms; it is renewed with each release (docs/development.md).
FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
COPY . /src
RUN cd /src && pip install --no-cache-dir --require-hashes -r requirements-build.lock -r requirements.lock
RUN cd /src && pip install --no-cache-dir --no-deps --no-build-isolation '.[all]'
RUN useradd --system --create-home --home-dir /data roomcast
USER roomcast
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --start-period=30s CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]
CMD ["roomcast", "serve", "--host", "0.0.0.0"]
