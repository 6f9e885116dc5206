//! The fixtures run on every server, and tell the same story twice.

use servers::fixtures::{DESTRUCTIBLE, DISASTER, Part};
use servers::{Server, ServerOptions, live};

#[test]
fn the_story_is_the_same_each_time_and_the_disaster_can_be_left_out() {
    for product in live() {
        let tell = |disasters: &[String]| {
            let server = Server::start(product, &ServerOptions::default()).unwrap();
            Part::Schema.run(&server).unwrap();
            Part::Before.run(&server).unwrap();
            let before = server.dump().unwrap();
            for statement in disasters {
                server.sql(format!("{statement};")).unwrap();
            }
            Part::After.run(&server).unwrap();
            (before, server.dump().unwrap())
        };
        let (first_before, damaged) = tell(&[DISASTER.to_owned()]);
        let (second_before, unharmed) = tell(&[]);
        assert_eq!(first_before.difference(&second_before), None, "{}", product.name());
        let title = "rows of `every`.`types`";
        assert_eq!(damaged.lines(title).len(), 2);
        assert!(unharmed.lines(title).len() > 30);
        // Each of them can be lost, and what comes after still runs.
        let all = DESTRUCTIBLE.map(|table| format!("DELETE FROM {table}"));
        let (_, ruined) = tell(&all);
        assert!(ruined.difference(&unharmed).is_some());
    }
}
