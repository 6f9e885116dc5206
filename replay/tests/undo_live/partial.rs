//! Rows whose images lack columns come back whole: what was not logged is found in earlier events.

use replay::select::resolve;
use replay::undo::{Format, Request, Scope};
use servers::fixtures::DESTRUCTIBLE;
use servers::{Product, Server, live};

use crate::exact::{CASCADES, TRAFFIC};
use crate::support::{FORMATS, apply, dump, next_address, start, undo, undo_from};

/// Row images of a product that lack columns.
fn row_images(product: Product) -> &'static [&'static str] {
    match product {
        Product::Mariadb118 => &["FULL_NODUP", "NOBLOB", "MINIMAL"],
        _ => &["NOBLOB", "MINIMAL"],
    }
}

/// From now on sessions log this row image.
fn log_images(server: &Server, image: &str) {
    server.sql(format!("SET GLOBAL binlog_row_image = {image};")).unwrap();
}

/// Has the log hold every row whole, as the tables are defined now: the story changes columns, and
/// no image from before such a change serves behind it.
fn rewrite_everything(server: &Server) {
    let cut = next_address(server);
    for table in DESTRUCTIBLE {
        server.sql(format!("DELETE FROM {table};")).unwrap();
    }
    let (script, _) = undo(server, |set| {
        Request::new(Scope::BackTo(resolve(set, &cut).unwrap()), Format::Base64)
    });
    apply(server, &script);
}

#[test]
fn everything_after_a_point_is_undone_whatever_the_images_lack() {
    for product in live() {
        for image in row_images(product) {
            let server = start(product);
            rewrite_everything(&server);
            log_images(&server, image);
            if !product.is_mariadb() {
                server.sql("SET GLOBAL binlog_row_value_options = PARTIAL_JSON;").unwrap();
            }
            let before = [dump(&server, true), dump(&server, false)];
            let cut = next_address(&server);
            server.sql(TRAFFIC).unwrap();
            if !product.is_mariadb() {
                server.sql(CASCADES).unwrap();
            }
            for table in DESTRUCTIBLE {
                server.sql(format!("DELETE FROM {table};")).unwrap();
            }
            for format in FORMATS {
                let damaged = next_address(&server);
                let (script, _) = undo_from(&server.binary_logs().unwrap(), |set| {
                    Request::new(Scope::BackTo(resolve(set, &cut).unwrap()), format)
                })
                .unwrap_or_else(|error| panic!("{} {image}: {error}", product.name()));
                apply(&server, &script);
                let whole = format == Format::Base64;
                let difference = before[usize::from(!whole)].difference(&dump(&server, whole));
                assert_eq!(difference, None, "{} {image} {format:?}", product.name());
                let keys = server.value("CHECK TABLE every.computed, every.types;").unwrap();
                assert_eq!(keys.matches("\tOK").count(), 2, "{} {image}: {keys}", product.name());
                // The undo of the undo is the damage, which the next form undoes again.
                let (script, _) = undo(&server, |set| {
                    let target = resolve(set, &damaged).unwrap();
                    Request::new(Scope::BackTo(target), Format::Base64)
                });
                apply(&server, &script);
            }
        }
    }
}
