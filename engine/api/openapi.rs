//! The description of it all: OpenAPI 3.1, from the routes themselves, with what all of them share filled in once.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{
    OpenApi, PartialSchema, ToSchema,
    openapi::{Ref, RefOr, Schema},
};

use crate::{
    access::{Asks, CLEAR_ALONE, ROUTES, shows_clear},
    mask::{self, Purpose},
    problem::Details,
    routes,
};

/// A type of the description whose shape is written down in [`shapes`] or in a file that rooms share.
macro_rules! described {
    ($($(#[$doc:meta])* $type:ident $(($value:ty))? as $name:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Serialize)]
        #[allow(dead_code, reason = "some stand in descriptions alone")]
        pub(crate) struct $type $((pub $value))?;

        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                Ref::from_schema_name($name).into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                $name.into()
            }
        }
    )*};
}

described! {
    /// An id of an attempt or a campaign.
    Key as "Key";
    /// The lender's id of a case.
    CaseKey as "CaseKey";
    /// A flow's name.
    Flow as "Flow";
    /// A version's hash.
    Sha as "Sha";
    /// An outcome, as in OUTCOME.md.
    OutcomeRecord(Value) as "Outcome";
    /// A promise, as in an outcome.
    PromiseRecord(Value) as "OutcomePromise";
    /// A case as it is told again: masked for who may not see it in clear, or has not said what for.
    CaseTold(Value) as "CaseTold";
    /// A case, or up to 1,000 of them.
    CasesShape as "Cases";
    /// A campaign's settings.
    SettingsShape(Value) as "Settings";
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "waihu",
        description = "Cases in, campaigns run, outcomes out, live events. Times are UTC (RFC 3339), days are \
            calendar days at the callee's place, sums are exact decimals as text. Errors are problem details \
            (RFC 9457) in English and Chinese. 案件导入、外呼批次、通话结果与实时事件；错误信息为中英双语。"
    ),
    components(schemas(Details)),
    tags(
        (name = "cases", description = "Cases, as the lender hands them over 案件"),
        (name = "campaigns", description = "What is done with a set of cases 批次"),
        (name = "outcomes", description = "What was dialled, what came of it, what was promised 结果与承诺"),
        (name = "calls", description = "One call: found, heard, read, checked 通话检索与回放"),
        (name = "quality", description = "What calls were judged to be, and what people think of them 质检与复核"),
        (name = "board", description = "How it goes, and what came of it 看板与统计"),
        (name = "audit", description = "Who did what 审计"),
        (name = "holds", description = "What may not be removed 封存"),
        (name = "debtors", description = "What is kept of a person: handed out, removed 个人信息查阅与删除"),
        (name = "reports", description = "Reports that are sent by themselves 定期报表"),
        (name = "scripts", description = "Versions of scripts and who approved them 话术版本与审批"),
        (name = "do_not_call", description = "Whom nobody calls 禁呼名单"),
        (name = "events", description = "What happens, as it happens 实时事件"),
        (name = "people", description = "Who signs in, and the desk of agents 登录、人员与坐席"),
        (name = "health", description = "Whether it works 健康与指标")
    )
)]
struct Described;

/// The whole description.
pub fn openapi() -> Value {
    let (_, described) = utoipa_axum::router::OpenApiRouter::with_openapi(Described::openapi())
        .merge(routes::all())
        .split_for_parts();
    let mut api = serde_json::to_value(described).unwrap_or_default();
    api["components"]["securitySchemes"] = json!({"token": {"type": "http", "scheme": "bearer", "description": "A token that `waihu token make` printed."},
        "session": {"type": "apiKey", "in": "cookie", "name": "__Host-waihu", "description": "From POST /v1/session; `waihu` where the server has no TLS. Changes by it need X-Waihu-Csrf."}});
    let schemas = &mut api["components"]["schemas"];
    for (name, shape) in shapes() {
        schemas[name] = shape;
    }
    for (method, path, asks) in ROUTES {
        let item = api["paths"].get_mut(*path);
        if let Some(operation) = item.and_then(|item| item.get_mut(method.to_lowercase())) {
            share(operation, (method, path), *asks);
        }
    }
    api
}

/// Shapes that are written by hand, and those that rooms share as files.
fn shapes() -> Vec<(String, Value)> {
    let mut shapes: Vec<(String, Value)> = Vec::new();
    let id = |what: &str, example: &str| {
        json!({"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]*$",
            "description": what, "example": example})
    };
    shapes.push(("Key".into(), id("Id of an attempt or a campaign.", "november")));
    shapes.push(("CaseKey".into(), id("The lender's id of a case.", "C-1001")));
    shapes.push(("Flow".into(), id("A flow's name.", "reminder")));
    shapes.push((
        "Sha".into(),
        json!({"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[0-9a-f]+$",
            "description": "A version's SHA-256, or what it begins with."}),
    ));
    let case = json!({"$ref": "#/components/schemas/Case"});
    let several = json!({"type": "array", "items": case, "minItems": 1, "maxItems": 1000});
    shapes.push((
        "Cases".into(),
        json!({"description": "A case, or up to 1,000 of them.", "oneOf": [case, several]}),
    ));
    shapes.push((
        "Settings".into(),
        json!({"type": "object", "description": "What a campaign is to do; campaigns/example.toml explains each key.",
            "required": ["trunk"],
            "properties": {
                "trunk": {"type": "string", "description": "The trunk, by its file in sip-config/."},
                "script": {"type": "string", "description": "FLOW or FLOW@SHA; left out where `variant` names several."},
                "variant": {"type": "array", "items": {"type": "object"}, "description": "Scripts side by side: name, script, share."},
                "strategy": {"type": "string", "default": "default", "description": "By its file in strategies/."},
                "pacing": {"type": "object", "description": "mode, max_calls, weight, priority, ring_s, talk_s, wrap_s, most_abandoned, abandoned_days."},
                "caller_ids": {"type": "object", "additionalProperties": {"type": "string"}},
                "from": {"type": "string", "format": "date", "description": "The first day of calls, at the callee's place."},
                "until": {"type": "string", "format": "date", "description": "The last day."},
                "authority": {"type": "object", "description": "What may be agreed where a case leaves it open."}},
            "example": {"trunk": "main", "script": "reminder", "pacing": {"mode": "agentless", "max_calls": 20}}}),
    ));
    for (name, text) in FILES {
        shared(&mut shapes, name, text);
    }
    shared(&mut shapes, "CaseTold", CASE_SCHEMA);
    for (name, shape) in &mut shapes {
        match name.as_str() {
            "CaseTold" => {
                let what = "There where numbers, names and free words are masked 已脱敏";
                shape["properties"]["masked"] = json!({"const": true, "description": what});
            }
            "CaseToldphone" => {
                if let Some(kinds) = shape["anyOf"].as_array_mut() {
                    kinds.push(json!({"type": "string", "pattern": "^….{1,2}$", "description": "Masked."}));
                }
            }
            _ => {}
        }
    }
    shapes
}

/// JSON Schemas (2020-12, as OpenAPI 3.1 has them) that stand beside what they describe.
const FILES: &[(&str, &str)] =
    &[("Outcome", include_str!("../store/outcome.schema.json")), ("Case", CASE_SCHEMA)];

/// The shape of a case.
pub(crate) const CASE_SCHEMA: &str = include_str!("../campaign/case.schema.json");

/// Takes a schema in, with its definitions under names of their own.
fn shared(shapes: &mut Vec<(String, Value)>, name: &str, text: &str) {
    // The files are our own; a test reads each.
    let text = text.replace("#/$defs/", &format!("#/components/schemas/{name}"));
    let Ok(mut schema) = serde_json::from_str::<Value>(&text) else { return };
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("$schema");
        fields.remove("$id");
        if let Some(Value::Object(definitions)) = fields.remove("$defs") {
            shapes.extend(definitions.into_iter().map(|(part, shape)| (format!("{name}{part}"), shape)));
        }
    }
    shapes.push((name.to_owned(), schema));
}

/// How the paths of POSTs end that may name the revision that they are of.
const REVISED: [&str; 4] = ["/start", "/resume", "/pause", "/stop"];

/// What all operations of a kind share: who may, which problems may come, which headers count.
fn share(operation: &mut Value, (method, path): (&str, &str), asks: Asks) {
    operation["operationId"] = json!(operation_id(method, path));
    let problem = |what: &str| json!({"description": what, "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}});
    let mut problems = vec![("400", "It cannot be read"), ("404", "There is no such thing")];
    if asks != Asks::Nothing {
        operation["security"] = json!([{"token": []}, {"session": []}]);
        if let Asks::Scope(scope) = asks {
            operation["x-scope"] = json!(scope.label());
        }
        problems.extend([
            ("401", "No valid token"),
            ("403", "The token's role does not allow it"),
            ("422", "What is asked does not hold"),
            ("429", "Too many requests; Retry-After says when"),
            ("503", "Not now; Retry-After says when"),
        ]);
    } else {
        operation["security"] = json!([]);
    }
    if method == "POST" {
        problems.extend([
            ("409", "Not as things stand, or the same request is being answered"),
            ("413", "The body is too large"),
            ("415", "Not JSON"),
        ]);
        let key = json!({"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"});
        header(
            operation,
            "Idempotency-Key",
            false,
            &key,
            "The same key and request have the same answer for a day.",
        );
    }
    if shows_clear(method, path) {
        problems.extend(for_purpose(operation, path));
    }
    if method == "PUT" {
        problems.extend([("413", "The body is too large"), ("415", "Not JSON")]);
    }
    // Sessions have no revisions, nor has what is practised.
    let has_none = path.starts_with("/v1/session") || path == "/v1/practice";
    let revised = matches!(method, "PATCH" | "DELETE" | "PUT") && !has_none;
    if revised || REVISED.iter().any(|act| path.ends_with(act)) {
        let must = method != "POST";
        let tag = json!({"type": "string", "pattern": "^(\\*|\"[0-9]{1,18}\")$", "example": "*"});
        header(operation, "If-Match", must, &tag, "The ETag that was read, or * for whatever it is.");
        problems.push(("412", "It was changed since it was read"));
        if must {
            problems.push(("428", "If-Match is missing"));
        }
    }
    if let Value::Object(responses) = &mut operation["responses"] {
        for (status, what) in problems {
            responses.entry(status).or_insert_with(|| problem(what));
        }
        for (status, response) in responses {
            let content = response.get_mut("content").filter(|_| status.starts_with('4'));
            if let Some(Value::Object(kinds)) = content
                && let Some(json) = kinds.remove("application/json")
            {
                kinds.insert("application/problem+json".to_owned(), json);
            }
        }
    }
}

/// Says what it is seen in clear for; the problem that comes where that has to be said.
fn for_purpose(operation: &mut Value, path: &str) -> Option<(&'static str, &'static str)> {
    let purposes = json!({"type": "string", "enum": Purpose::ALL.map(Purpose::label)});
    if !CLEAR_ALONE.contains(&path) {
        header(operation, mask::HEADER, false, &purposes, "What it is seen in clear for; masked without.");
        return None;
    }
    header(operation, mask::HEADER, false, &purposes, "What it is asked for.");
    let what = "The same, for players and downloads, which send no header.";
    parameter(operation, ("query", mask::QUERY), false, &purposes, what);
    Some(("428", "It is not said what for"))
}

/// A name of an operation's own, by which makers of clients call it: `get_cases_case` for `GET /v1/cases/{case}`.
fn operation_id(method: &str, path: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != "v1");
    let parts = parts.map(|part| part.trim_matches(['{', '}']).replace(['-', '.'], "_"));
    std::iter::once(method.to_lowercase()).chain(parts).collect::<Vec<_>>().join("_")
}

fn header(operation: &mut Value, name: &str, required: bool, schema: &Value, what: &str) {
    parameter(operation, ("header", name), required, schema, what);
}

fn parameter(operation: &mut Value, (place, name): (&str, &str), required: bool, schema: &Value, what: &str) {
    let parameter =
        json!({"name": name, "in": place, "required": required, "description": what, "schema": schema});
    match operation.get_mut("parameters").and_then(Value::as_array_mut) {
        Some(parameters) => parameters.push(parameter),
        None => operation["parameters"] = json!([parameter]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_and_the_table_of_routes_name_the_same_routes() {
        let api = openapi();
        let mut described: Vec<(String, String)> = Vec::new();
        for (path, item) in api["paths"].as_object().unwrap() {
            described.extend(item.as_object().unwrap().keys().map(|m| (m.to_uppercase(), path.clone())));
        }
        let mut table: Vec<(String, String)> =
            ROUTES.iter().map(|(m, p, _)| ((*m).to_owned(), (*p).to_owned())).collect();
        described.push(("GET".to_owned(), "/v1/openapi.json".to_owned()));
        described.sort();
        table.sort();
        assert_eq!(described, table);
        assert_eq!(api["openapi"], "3.1.0");
        let operations =
            api["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
        let ids: Vec<&str> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
        let apart: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(apart.len(), ids.len(), "two operations have one name");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(fields) => {
                    found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    fields.values().for_each(|v| references(v, found));
                }
                Value::Array(values) => values.iter().for_each(|v| references(v, found)),
                _ => {}
            }
        }
        let api = openapi();
        let mut found = Vec::new();
        references(&api, &mut found);
        assert!(found.len() > 20);
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            let target = api.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"));
            assert_ne!(target["$ref"], Value::String(reference.clone()), "{reference} leads to itself");
        }
    }
}
