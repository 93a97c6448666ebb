//! The demo's recordings, for the portal to offer. Routes of a demo installation only.

use std::path::PathBuf;

use actix_files::Files;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get};
use platform::Config;
use serde::{Deserialize, Serialize};

/// Folder of the recordings and of `recordings.json`.
struct Recordings(PathBuf);

pub fn routes(config: &Config) -> impl FnOnce(&mut ServiceConfig) + use<> {
    let folder = config.demo.enabled.then(|| config.demo.recordings_path.clone());
    move |app| {
        if let Some(folder) = folder {
            app.app_data(Data::new(Recordings(folder.clone())))
                .service(list)
                .service(Files::new("/demo/recordings", folder).prefer_utf8(true));
        }
    }
}

#[derive(Deserialize)]
struct Described {
    file: String,
    text: Option<String>,
    heard: Option<String>,
    segments: Vec<Segment>,
}

#[derive(Deserialize)]
struct Segment {
    end: f64,
}

#[derive(Serialize)]
struct Offered {
    file: String,
    text: String,
    seconds: f64,
}

#[get("/demo/recordings")]
async fn list(recordings: Data<Recordings>) -> actix_web::Result<HttpResponse> {
    let text = tokio::fs::read(recordings.0.join("recordings.json")).await?;
    let described: Vec<Described> = serde_json::from_slice(&text)?;
    let offered: Vec<Offered> = described
        .into_iter()
        .map(|recording| Offered {
            file: recording.file,
            text: recording.text.or(recording.heard).unwrap_or_default(),
            seconds: recording.segments.last().map_or(0.0, |segment| segment.end),
        })
        .collect();
    Ok(HttpResponse::Ok().json(offered))
}
