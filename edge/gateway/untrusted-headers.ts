/**
 * Request headers that no client may set, as data: a backend trusts them, because its proxy sets them.
 * `forward-headers.ts` removes them from every request. A test compares them with the table of edge/README.md.
 */

/** Headers of one origin. */
export interface UntrustedHeaders {
  /** The proxy or framework that gives them a meaning. */
  readonly source: string
  /** The place in its documentation. */
  readonly reference: string
  /** In lower case, with hyphens; `x-…-*` stands for all names that begin with it. */
  readonly names: readonly string[]
}

/** All of them, by source. */
// biome-ignore format: one name a line would hide the table
export const UNTRUSTED_HEADERS: readonly UntrustedHeaders[] = [
  // Ours, and headers in which proxies describe a client to each other.
  { source: 'Gatehouse', reference: 'edge/README.md', names: ['x-gatehouse-*', 'x-request-id'] },
  { source: 'Session ids of gateways', reference: 'API gateways that resolve a session before the backend', names: ['x-session-id'] },
  { source: 'Forwarding', reference: 'RFC 7239; RFC 9110 §7.6.3 and §11.7.2', names: ['forwarded', 'via', 'proxy-authorization', 'x-forwarded', 'x-forwarded-*'] },
  { source: 'Client address', reference: 'nginx realip; Apache mod_remoteip', names: ['x-real-ip', 'x-client-ip', 'x-cluster-client-ip', 'x-originating-ip', 'client-ip', 'true-client-ip'] },
  { source: 'Client certificate', reference: 'RFC 9440; nginx and HAProxy examples', names: ['client-cert', 'client-cert-chain', 'x-client-cert', 'x-client-cert-*', 'ssl-client-*', 'x-ssl-client-*', 'x-ssl-cert'] },
  { source: 'CGI', reference: 'RFC 3875 §4.1.18; httpoxy.org (CVE-2016-5385)', names: ['proxy'] },

  // A request other than the one that was checked.
  { source: 'Method override', reference: 'Express method-override; Rails Rack::MethodOverride', names: ['x-http-method', 'x-http-method-override', 'x-method-override'] },
  { source: 'Path override', reference: 'IIS URL Rewrite; Symfony (CVE-2018-14773)', names: ['x-original-*', 'x-rewrite-*'] },
  { source: 'Next.js', reference: 'CVE-2025-29927; packages/next/src/server/lib/server-ipc', names: ['x-middleware-*', 'x-matched-path', 'x-now-route-matches'] },

  // Users that a proxy has signed in.
  { source: 'Web servers', reference: 'Apache mod_auth_*; nginx auth_request', names: ['remote-user', 'x-remote-*', 'x-user', 'x-user-*', 'x-auth-*', 'x-authenticated-*'] },
  { source: 'Authelia, Pangolin', reference: 'authelia.com, "Trusted Header SSO"; docs.pangolin.net, "Forwarded Headers"', names: ['remote-groups', 'remote-name', 'remote-email', 'remote-role'] },
  { source: 'authentik', reference: 'docs.goauthentik.io, "Proxy Provider"', names: ['x-authentik-*'] },
  { source: 'OAuth2 Proxy', reference: 'oauth2-proxy.github.io, "--set-xauthrequest", "--signature-key"', names: ['x-auth-request-*', 'gap-signature'] },
  { source: 'Pomerium', reference: 'pomerium.com, "Getting the User’s Identity"', names: ['x-pomerium-*'] },
  { source: 'Vouch', reference: 'github.com/vouch/vouch-proxy', names: ['x-vouch-*'] },
  { source: 'Teleport', reference: 'goteleport.com, "JWT and Application Access"', names: ['teleport-*'] },
  { source: 'Tailscale', reference: 'tailscale.com, "Identity headers"; tailscale nginx-auth', names: ['tailscale-*', 'x-tailscale-*'] },
  { source: 'Grafana', reference: 'grafana.com, "Configure auth proxy authentication"', names: ['x-webauth-*'] },
  { source: 'Kubernetes', reference: 'kubernetes.io, "User impersonation", "Authenticating Proxy"', names: ['impersonate-*'] },
  { source: 'Kong, APISIX', reference: 'docs.konghq.com, "Upstream headers"; apisix.apache.org, "key-auth"', names: ['x-consumer-*', 'x-credential-*', 'x-anonymous-consumer'] },
  { source: 'Envoy', reference: 'envoyproxy.io, "HTTP header manipulation"', names: ['x-envoy-*'] },
  { source: 'mod_auth_openidc', reference: 'github.com/OpenIDC/mod_auth_openidc, "OIDC_CLAIM_"', names: ['oidc-*'] },
  { source: 'Shibboleth', reference: 'shibboleth.atlassian.net, "AttributeAccess"', names: ['shib-*'] },
  { source: 'SiteMinder, IBM Verify, Oracle Access Manager', reference: 'the products’ "HTTP headers" pages', names: ['sm-*', 'smuser', 'iv-*', 'oam-*', 'osso-*'] },
  { source: 'WSO2', reference: 'apim.docs.wso2.com, "Passing Enduser Attributes to the Backend"', names: ['x-jwt-assertion'] },

  // The same, of platforms.
  { source: 'Cloudflare', reference: 'developers.cloudflare.com, "HTTP headers", "Validate JWTs" (Access)', names: ['cf-*'] },
  { source: 'Google Cloud', reference: 'cloud.google.com, "IAP: securing your app with signed headers", "API Gateway", "App Engine: request headers"', names: ['x-goog-iap-*', 'x-goog-authenticated-user-*', 'x-apigateway-*', 'x-endpoint-api-userinfo', 'x-appengine-*'] },
  { source: 'AWS', reference: 'docs.aws.amazon.com, "Authenticate users using an Application Load Balancer", "Mutual authentication"; CloudFront', names: ['x-amzn-oidc-*', 'x-amzn-mtls-*', 'cloudfront-*'] },
  { source: 'Azure', reference: 'learn.microsoft.com, "Work with user identities in Azure App Service", "Front Door"', names: ['x-ms-client-principal', 'x-ms-client-principal-*', 'x-ms-token-*', 'x-arr-clientcert', 'x-azure-*'] },
  { source: 'Fastly, Fly.io, Netlify, Vercel', reference: 'the platforms’ "request headers" pages', names: ['fastly-client-ip', 'fly-*', 'x-nf-*', 'x-vercel-*'] }
]
