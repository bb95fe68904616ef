# The README's own commands, as a user of the image's own, with everything that is kept in /data.
FROM python:3.13-slim
COPY . /src
RUN cd /src && pip install --no-cache-dir '.[all]'
RUN useradd --system --create-home --home-dir /data roomcast
USER roomcast
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --start-period=30s CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]
CMD ["roomcast", "serve", "--host", "0.0.0.0"]
