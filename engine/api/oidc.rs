//! Signing in at a provider of the house's own (OpenID Connect Core 1.0, the code flow with RFC 7636): where to send a
//! browser, and whom an ID token tells of.
//!
//! What has to come back as it was sent (state, nonce, verifier) follows from one random value in a cookie of ten
//! minutes, so that nothing is kept here and any node may be the one that a browser comes back to. Deliberately
//! absent: what somebody may do here (their role in the store), and everything of a token but who it is of.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, Jwk, JwkSet, KeyAlgorithm},
};
use reqwest::{Client, Url, redirect::Policy};
use serde::{Deserialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use url::form_urlencoded;
use waihu_types::base64;

use crate::token::TokenText;

/// Where a browser comes back to.
pub(crate) const CALLBACK: &str = "/v1/session/provider/callback";

/// A provider that does not answer keeps nobody waiting for longer.
const WITHIN: Duration = Duration::from_secs(10);
/// What a provider tells of itself is asked again after so long.
const KNOWN_FOR: Duration = Duration::from_secs(3_600);
/// A key that is not known is asked for again, but not more often than this: a forger may name any.
const KEYS_EVERY: Duration = Duration::from_secs(60);
/// The longest answer that is read [bytes]: key sets have some tens of kilobytes.
const MOST_BYTES: usize = 256 << 10;
/// How far the provider's clock may be off [s].
const CLOCK_S: u64 = 60;

/// So many codes are exchanged at once.
const EXCHANGES: usize = 8;

/// What may be signed with: with a key pair, and not with what both sides know (RFC 8725, 3.1).
const ALGORITHMS: [Algorithm; 8] = [
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::EdDSA,
];

/// Who the provider is, and who we are there.
#[derive(Clone)]
pub struct Provider {
    /// Its issuer identifier: a URL.
    pub issuer: String,
    /// Our client id.
    pub client_id: String,
    /// Our client secret.
    pub client_secret: String,
    /// How browsers reach us, without a path.
    pub url: String,
    /// The claim that is the login here.
    pub claim: String,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Provider({})", self.issuer)
    }
}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The issuer is no address that may be asked.
    #[error("issuer: an https:// URL is expected (http:// on this machine alone) 应为 https 地址")]
    Issuer,
    /// The provider does not answer, or not so that it can be read.
    #[error("{what} cannot be had from the provider 无法从身份提供方取得: {source}")]
    Away {
        /// What was asked for.
        what: &'static str,
        /// What the client said.
        source: reqwest::Error,
    },
    /// What the provider tells does not fit.
    #[error("{what} of the provider is not as it should be 身份提供方返回有误: {why}")]
    Odd {
        /// What was asked for.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// The answer belongs to no request of this browser.
    #[error("the answer belongs to no request of this browser 请求不匹配")]
    State,
    /// Too many sign in at once.
    #[error("too many sign in at once: try again 登录过于频繁，请重试")]
    TooMany,
    /// The ID token does not hold.
    #[error("the ID token does not hold 身份令牌无效: {0}")]
    Token(String),
}

/// What a provider tells of itself (OpenID Connect Discovery 1.0, 3).
#[derive(Clone, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// What is known of the provider.
#[derive(Default)]
struct Known {
    metadata: Option<(Instant, Arc<Metadata>)>,
    keys: Option<(Instant, Arc<JwkSet>)>,
}

/// The way to sign in at a provider.
pub struct OpenId {
    provider: Provider,
    client: Client,
    known: Mutex<Known>,
    /// Codes that are exchanged at the same time: anybody may send some, and each asks the provider.
    exchanges: Semaphore,
}

impl std::fmt::Debug for OpenId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.provider.fmt(f)
    }
}

/// The claims of an ID token that are looked at (OpenID Connect Core 1.0, 2).
#[derive(Deserialize)]
struct Claims {
    nonce: Option<String>,
    azp: Option<String>,
    aud: Audience,
    #[serde(flatten)]
    others: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(#[allow(dead_code, reason = "read by the library")] String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

/// One of the values that follow from a browser's cookie: 64 letters, as RFC 7636, 4.1 allows for a verifier.
fn of(ticket: &TokenText, what: &str) -> String {
    hex::encode(Sha256::digest(format!("waihu {what} {}", ticket.reveal())))
}

/// The challenge of a verifier (RFC 7636, 4.2).
fn challenge(verifier: &str) -> String {
    base64::encode(&Sha256::digest(verifier))
        .replace('+', "-")
        .replace('/', "_")
        .trim_end_matches('=')
        .to_owned()
}

impl OpenId {
    /// The way to a provider.
    ///
    /// # Errors
    /// Where its issuer is no address, or no client can be made.
    pub fn new(provider: Provider) -> Result<Self, SignInError> {
        may_be_asked(&provider.issuer)?;
        // A second installation changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A redirect would lead where nobody was told to ask.
        let client = Client::builder().timeout(WITHIN).redirect(Policy::none()).build();
        let client = client.map_err(|source| SignInError::Away { what: "a client", source })?;
        Ok(Self { provider, client, known: Mutex::default(), exchanges: Semaphore::new(EXCHANGES) })
    }

    /// The provider's issuer.
    pub fn issuer(&self) -> &str {
        &self.provider.issuer
    }

    /// Where a browser with this ticket signs in.
    ///
    /// # Errors
    /// Where the provider does not tell.
    pub(crate) async fn address(&self, ticket: &TokenText) -> Result<Url, SignInError> {
        let metadata = self.metadata().await?;
        let mut url = may_be_asked(&metadata.authorization_endpoint)?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.provider.client_id)
            .append_pair("redirect_uri", &self.redirect_uri())
            .append_pair("scope", "openid profile email")
            .append_pair("state", &of(ticket, "state"))
            .append_pair("nonce", &of(ticket, "nonce"))
            .append_pair("code_challenge", &challenge(&of(ticket, "verifier")))
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Who came back with a code: their login.
    ///
    /// # Errors
    /// Where the answer is not this browser's, or the provider does not vouch for anybody.
    pub(crate) async fn login(
        &self,
        ticket: &TokenText,
        state: &str,
        code: &str,
    ) -> Result<String, SignInError> {
        // Hashed once more: how long the comparison takes tells nothing of it.
        if Sha256::digest(state) != Sha256::digest(of(ticket, "state")) {
            return Err(SignInError::State);
        }
        let tokens: Tokens = {
            let _one = self.exchanges.try_acquire().map_err(|_| SignInError::TooMany)?;
            self.exchange(ticket, code).await?
        };
        let claims = self.verified(&tokens.id_token).await?;
        if claims.nonce.as_deref() != Some(of(ticket, "nonce").as_str()) {
            return Err(SignInError::Token("its nonce is another request's".to_owned()));
        }
        // A token for several is ours where it says that it was given out to us.
        let several = matches!(&claims.aud, Audience::Several(of) if of.len() > 1);
        if claims.azp.as_ref().map_or(several, |azp| *azp != self.provider.client_id) {
            return Err(SignInError::Token("it was given out to another client".to_owned()));
        }
        let claim = &self.provider.claim;
        let missing = || SignInError::Token(format!("it has no claim {claim}"));
        let login = claims.others.get(claim).and_then(serde_json::Value::as_str).ok_or_else(missing)?;
        // Whoever may write any address into their account is not yet whom it belongs to (Core, 5.7).
        if claim == "email" && claims.others.get("email_verified") != Some(&serde_json::Value::Bool(true)) {
            return Err(SignInError::Token("its address was not verified".to_owned()));
        }
        Ok(login.to_owned())
    }

    fn redirect_uri(&self) -> String {
        format!("{}{CALLBACK}", self.provider.url.trim_end_matches('/'))
    }

    async fn exchange(&self, ticket: &TokenText, code: &str) -> Result<Tokens, SignInError> {
        const WHAT: &str = "the token";
        let metadata = self.metadata().await?;
        let Provider { client_id, client_secret, .. } = &self.provider;
        let methods = metadata.token_endpoint_auth_methods_supported.as_deref();
        let in_body = methods.is_some_and(|m| !m.iter().any(|m| m == "client_secret_basic"));
        let (verifier, redirect) = (of(ticket, "verifier"), self.redirect_uri());
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect.as_str()),
            ("code_verifier", verifier.as_str()),
        ];
        if in_body {
            form.extend([("client_id", client_id.as_str()), ("client_secret", client_secret.as_str())]);
        }
        let mut request = self.client.post(may_be_asked(&metadata.token_endpoint)?);
        if !in_body {
            // RFC 6749, 2.3.1: each is form-encoded before.
            request = request.basic_auth(encoded(client_id), Some(encoded(client_secret)));
        }
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        read(WHAT, request).await
    }

    /// The claims of an ID token that the provider signed for us, and that has not run out.
    async fn verified(&self, token: &str) -> Result<Claims, SignInError> {
        let odd = |e: jsonwebtoken::errors::Error| SignInError::Token(e.to_string());
        let header = decode_header(token).map_err(odd)?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(SignInError::Token(format!("{:?} is not taken", header.alg)));
        }
        let key = self.key(header.kid.as_deref(), header.alg).await?;
        let mut validation = Validation::new(header.alg);
        validation.leeway = CLOCK_S;
        validation.set_issuer(&[&self.provider.issuer]);
        validation.set_audience(&[&self.provider.client_id]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        Ok(decode::<Claims>(token, &key, &validation).map_err(odd)?.claims)
    }

    /// The key of an ID token's header; the keys are asked for anew where it is not among them.
    async fn key(&self, kid: Option<&str>, alg: Algorithm) -> Result<DecodingKey, SignInError> {
        let fits = |jwk: &&Jwk| {
            let named = kid.is_none_or(|kid| jwk.common.key_id.as_deref() == Some(kid));
            let stated = jwk.common.key_algorithm;
            let same = stated.is_none_or(|stated: KeyAlgorithm| stated.to_string() == format!("{alg:?}"));
            named && same && is_for(&jwk.algorithm, alg)
        };
        for ask in [Ask::WhereOld, Ask::Anew] {
            let keys = self.keys(ask).await?;
            if let Some(jwk) = keys.keys.iter().find(fits) {
                let odd =
                    |e: jsonwebtoken::errors::Error| SignInError::Odd { what: "a key", why: e.to_string() };
                return DecodingKey::from_jwk(jwk).map_err(odd);
            }
        }
        Err(SignInError::Token("its key is not the provider's".to_owned()))
    }

    async fn metadata(&self) -> Result<Arc<Metadata>, SignInError> {
        const WHAT: &str = "the configuration";
        if let Some((at, metadata)) = &self.known.lock().unwrap_or_else(PoisonError::into_inner).metadata
            && at.elapsed() < KNOWN_FOR
        {
            return Ok(Arc::clone(metadata));
        }
        let issuer = self.provider.issuer.trim_end_matches('/');
        let metadata: Metadata =
            read(WHAT, self.client.get(format!("{issuer}/.well-known/openid-configuration"))).await?;
        // Discovery, 4.3: another's word about itself is not taken.
        if metadata.issuer != self.provider.issuer {
            return Err(SignInError::Odd { what: WHAT, why: "it names another issuer".to_owned() });
        }
        let metadata = Arc::new(metadata);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).metadata =
            Some((Instant::now(), Arc::clone(&metadata)));
        Ok(metadata)
    }

    async fn keys(&self, ask: Ask) -> Result<Arc<JwkSet>, SignInError> {
        let for_so_long = match ask {
            Ask::WhereOld => KNOWN_FOR,
            Ask::Anew => KEYS_EVERY,
        };
        if let Some((at, keys)) = &self.known.lock().unwrap_or_else(PoisonError::into_inner).keys
            && at.elapsed() < for_so_long
        {
            return Ok(Arc::clone(keys));
        }
        let metadata = self.metadata().await?;
        // Keys of kinds that are not known here are left out, and cost nobody the others.
        let told: serde_json::Value =
            read("the keys", self.client.get(may_be_asked(&metadata.jwks_uri)?)).await?;
        let keys = told["keys"].as_array().into_iter().flatten();
        let keys = keys.filter_map(|key| serde_json::from_value(key.clone()).ok()).collect();
        let keys = Arc::new(JwkSet { keys });
        self.known.lock().unwrap_or_else(PoisonError::into_inner).keys =
            Some((Instant::now(), Arc::clone(&keys)));
        Ok(keys)
    }
}

/// Whether what is known is asked for again.
#[derive(Clone, Copy)]
enum Ask {
    WhereOld,
    Anew,
}

fn is_for(key: &AlgorithmParameters, alg: Algorithm) -> bool {
    use Algorithm as A;
    match key {
        AlgorithmParameters::RSA(_) => {
            matches!(alg, A::RS256 | A::RS384 | A::RS512 | A::PS256 | A::PS384 | A::PS512)
        }
        AlgorithmParameters::EllipticCurve(_) => matches!(alg, A::ES256 | A::ES384),
        AlgorithmParameters::OctetKeyPair(_) => alg == A::EdDSA,
        AlgorithmParameters::OctetKey(_) => false,
    }
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// An address that may be asked: by TLS, or on this machine.
fn may_be_asked(url: &str) -> Result<Url, SignInError> {
    let url = Url::parse(url).map_err(|_| SignInError::Issuer)?;
    let here = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
    if url.scheme() == "https" || url.scheme() == "http" && here { Ok(url) } else { Err(SignInError::Issuer) }
}

/// Asks, and reads JSON of a bounded length.
async fn read<T: DeserializeOwned>(
    what: &'static str,
    request: reqwest::RequestBuilder,
) -> Result<T, SignInError> {
    let away = |source| SignInError::Away { what, source };
    let mut answer = request.header("accept", "application/json").send().await.map_err(away)?;
    answer.error_for_status_ref().map_err(away)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(away)? {
        if bytes.len() + chunk.len() > MOST_BYTES {
            return Err(SignInError::Odd { what, why: "it is too long".to_owned() });
        }
        bytes.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&bytes).map_err(|e| SignInError::Odd { what, why: e.to_string() })
}
