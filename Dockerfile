# The bridge as an image:  docker build --tag ray-otel-bridge .
#
# It runs as user 1000 and writes to /data alone, so the root file system can be read-only; keep /data on a volume, it holds the journal.
# Every setting is a variable: RAY_OTEL_* for the bridge, OTEL_* for where spans go.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json vite.page.config.ts ./
COPY src src
RUN npm run build

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /dependencies
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${NODE_IMAGE}
ENV NODE_ENV=production \
    RAY_OTEL_LISTEN=0.0.0.0:8080 \
    RAY_OTEL_DATA_DIR=/data
RUN mkdir /data && chown 1000:1000 /data
WORKDIR /app
COPY --from=dependencies /dependencies/node_modules node_modules
COPY --from=build /build/dist dist
COPY package.json LICENSE CHANGELOG.md ./
COPY examples/demo examples/demo
USER 1000:1000
VOLUME /data
EXPOSE 8080
# Node is PID 1 and takes SIGTERM itself. Give it more than --drain-timeout: docker stop --time 30.
ENTRYPOINT ["node", "/app/dist/cli.js"]
CMD ["serve"]
# Asks on the container's own address, on the port of RAY_OTEL_LISTEN, whatever name the certificate has.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "const { env } = process; require(env.RAY_OTEL_TLS_CERT_FILE ? 'node:https' : 'node:http').get({ host: '127.0.0.1', port: env.RAY_OTEL_LISTEN.split(':').pop(), path: '/healthz', rejectUnauthorized: false }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
