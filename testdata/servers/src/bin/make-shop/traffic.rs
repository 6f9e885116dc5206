//! What happens in the shop: customers, orders, and the shop's own people.

use anyhow::{Context, Result};
use servers::{Server, Session};

use crate::chance::Chance;

/// The seed of all chance in the shop.
const SEED: u64 = 1515;

const CITIES: [&str; 8] =
    ["Zürich", "São Paulo", "東京", "Kraków", "Cork", "N'Djamena", "Reykjavík", "\"Quoted\" City"];

const PAGES: [&str; 6] = ["/", "/garden", "/kitchen", "/office", "/toys", "/cart"];

const NOTES: [&str; 5] = [
    "NULL",
    "'leave it at the door'",
    "'it''s a gift; no invoice -- please'",
    "'ring twice\\nthen wait'",
    "'bitte bis 17:00 Uhr 📦'",
];

/// The open shop.
pub struct Shop<'a> {
    server: &'a Server,
    web: [Session; 2],
    office: Session,
    chance: Chance,
    /// The Unix time in the shop.
    now: u64,
    users: Vec<u64>,
    next_user: u64,
    orders: Vec<u64>,
    products: u64,
}

impl<'a> Shop<'a> {
    /// Opens the sessions at a time; the databases are not there yet.
    pub fn open(server: &'a Server, now: u64) -> Result<Shop<'a>> {
        Ok(Shop {
            web: [server.session()?, server.session()?],
            office: server.session()?,
            server,
            chance: Chance::new(SEED),
            now,
            users: Vec::new(),
            next_user: 1,
            orders: Vec::new(),
            products: 0,
        })
    }

    /// Creates the schema and moves the old shop's products and users in.
    pub fn found(&mut self) -> Result<()> {
        self.office(include_str!("schema.sql"))?;
        for web in &mut self.web {
            web.run("USE shop;")?;
        }
        self.import_products(60)?;
        for _ in 0..8 {
            self.now += 40;
            self.import_users(50)?;
        }
        Ok(())
    }

    /// Lets time pass with ordinary business until `end`.
    pub fn trade_until(&mut self, end: u64) -> Result<()> {
        while self.now < end {
            // Busier at noon than at the ends of the day.
            let hour = self.now / 3600 % 24;
            let pace = if (10..15).contains(&hour) { 85 } else { 150 };
            self.now = end.min(self.now + self.chance.between(3, pace));
            match self.chance.between(0, 100) {
                0..=29 => self.visit()?,
                30..=46 => self.log_in()?,
                47..=82 => self.order()?,
                83..=88 => self.sign_up()?,
                89..=92 => self.ship()?,
                93..=95 => self.cancel()?,
                96..=97 => self.reprice()?,
                _ => self.restock()?,
            }
        }
        Ok(())
    }

    /// What somebody in the office types.
    pub fn office(&mut self, statements: &str) -> Result<Vec<u8>> {
        self.tick()?;
        self.office.run(format!("{}{statements}", stamp(self.now)))
    }

    /// Ends the current log, at the shop's time.
    pub fn rotate(&mut self) -> Result<()> {
        self.tick()?;
        self.server.flush_logs()
    }

    /// Moves the clock on to a time.
    pub fn wait_until(&mut self, now: u64) {
        self.now = self.now.max(now);
    }

    /// Closes an account on its holder's request.
    pub fn close_account(&mut self) -> Result<()> {
        let chosen = self.chance.between(0, self.users.len() as u64) as usize;
        let user = self.users.remove(chosen);
        self.office(&format!("DELETE FROM users WHERE id = {user};")).map(drop)
    }

    /// Business after the users are gone: nobody can log in, so that the first
    /// thing that happens is that people sign up.
    pub fn without_users(&mut self) -> Result<()> {
        self.users.clear();
        for _ in 0..4 {
            self.now += 20;
            self.sign_up()?;
        }
        Ok(())
    }

    fn tick(&self) -> Result<()> {
        self.server.set_clock(self.now as f64 + 0.25)
    }

    /// Runs statements on one of the web servers' sessions.
    fn web(&mut self, session: usize, statements: &str) -> Result<Vec<u8>> {
        self.tick()?;
        self.web[session].run(format!("{}{statements}", stamp(self.now)))
    }

    fn any_web(&mut self) -> usize {
        self.chance.between(0, 2) as usize
    }

    fn import_products(&mut self, count: u64) -> Result<()> {
        let mut rows = Vec::new();
        for number in 1..=count {
            let category = self.chance.one_of(&["garden", "kitchen", "office", "toys"]);
            let tags = self.chance.one_of(&["", "new", "sale,heavy", "fragile"]);
            let (price, stock) = (self.chance.between(199, 19_999), self.chance.between(50, 900));
            let weight = self.chance.between(1, 400);
            rows.push(format!(
                "('P{number:07}', 'Article {number}', '{category}', '{tags}', {}.{:02}, {stock}, {weight}e-1, '2026-02-{:02}')",
                price / 100, price % 100, number % 28 + 1
            ));
        }
        self.products = count;
        let columns = "sku, title, category, tags, price, stock, weight, added";
        self.office(&format!("INSERT INTO products ({columns}) VALUES {};", rows.join(", ")))?;
        Ok(())
    }

    fn import_users(&mut self, count: u64) -> Result<()> {
        let rows: Vec<String> = (0..count).map(|_| self.new_user()).collect();
        let columns = "email, name, city, password, preferences, balance";
        self.office(&format!("INSERT INTO users ({columns}) VALUES {};", rows.join(", ")))?;
        Ok(())
    }

    /// The values of a new row of users, which is counted as stored.
    fn new_user(&mut self) -> String {
        let id = self.next_user;
        self.next_user += 1;
        self.users.push(id);
        let city = self.chance.one_of(&CITIES).replace('\'', "''");
        let preferences = match self.chance.between(0, 4) {
            0 => "NULL".to_owned(),
            1 => "'{}'".to_owned(),
            _ => format!(
                "'{{\"newsletter\": {}, \"language\": \"{}\", \"sizes\": [{}, 4.5, null]}}'",
                id.is_multiple_of(3),
                self.chance.one_of(&["de", "en", "ja", "pl"]),
                self.chance.between(34, 48)
            ),
        };
        let cents = self.chance.between(0, 9_000);
        format!(
            "('customer{id}@shop.example', 'Customer {id}', '{city}', UNHEX(SHA2('{id}', 256)), {preferences}, {}.{:02})",
            cents / 100,
            cents % 100
        )
    }

    fn visit(&mut self) -> Result<()> {
        let web = self.any_web();
        let user = match self.chance.between(0, 3) {
            0 => "NULL".to_owned(),
            _ => self.chance.one_of(&self.users).to_string(),
        };
        let page = self.chance.one_of(&PAGES);
        self.web(web, &format!("INSERT INTO visits (user_id, page) VALUES ({user}, '{page}');"))?;
        Ok(())
    }

    fn log_in(&mut self) -> Result<()> {
        let web = self.any_web();
        let user = *self.chance.one_of(&self.users);
        self.web(web, &format!("UPDATE users SET last_login = NOW() WHERE id = {user};"))?;
        Ok(())
    }

    fn sign_up(&mut self) -> Result<()> {
        let web = self.any_web();
        let user = self.new_user();
        let columns = "email, name, city, password, preferences, balance";
        self.web(web, &format!("INSERT INTO users ({columns}) VALUES {user};"))?;
        Ok(())
    }

    /// An order in a transaction; now and then somebody else's statement commits
    /// in the middle of it, or the card is refused and it is rolled back.
    fn order(&mut self) -> Result<()> {
        let web = self.any_web();
        let user = *self.chance.one_of(&self.users);
        let note = *self.chance.one_of(&NOTES);
        self.web(web, &format!(
            "BEGIN; INSERT INTO orders (user_id, note) VALUES ({user}, {note}); SET @order_id = LAST_INSERT_ID();"
        ))?;
        let first = self.chance.between(0, self.products);
        for line in 1..=self.chance.between(2, 4) {
            let product = (first + line * 7) % self.products + 1;
            let quantity = self.chance.between(1, 4);
            self.web(web, &format!(
                "INSERT INTO order_items SELECT @order_id, {line}, id, {quantity}, price FROM products WHERE id = {product}; \
                 UPDATE products SET stock = stock - {quantity} WHERE id = {product};"
            ))?;
        }
        if self.chance.between(0, 8) == 0 {
            let page = self.chance.one_of(&PAGES);
            let visit = format!("INSERT INTO visits (page) VALUES ('{page}');");
            self.web(1 - web, &visit)?;
        }
        self.now += 1;
        self.pay(web)
    }

    fn pay(&mut self, web: usize) -> Result<()> {
        if self.chance.between(0, 15) == 0 {
            return self.web(web, "ROLLBACK;").map(drop);
        }
        let method = self.chance.one_of(&["card", "transfer", "voucher"]);
        let reference = self.chance.between(0, u64::MAX);
        let paid = self.web(web, &format!(
            "UPDATE orders SET state = 'paid', total = (SELECT SUM(quantity * price) FROM order_items WHERE order_id = @order_id) WHERE id = @order_id; \
             INSERT INTO payments (order_id, method, amount, reference) SELECT id, '{method}', total, X'{reference:016X}' FROM orders WHERE id = @order_id; \
             COMMIT; SELECT @order_id;"
        ))?;
        let text = std::str::from_utf8(&paid)?.trim();
        self.orders.push(text.parse().with_context(|| format!("no order number: {text}"))?);
        Ok(())
    }

    fn ship(&mut self) -> Result<()> {
        if self.orders.is_empty() {
            return Ok(());
        }
        let order = *self.chance.one_of(&self.orders);
        self.office(&format!(
            "UPDATE orders SET state = 'shipped' WHERE id = {order} AND state = 'paid';"
        ))?;
        Ok(())
    }

    /// A cancelled order is deleted with its items and payment, by the foreign keys.
    fn cancel(&mut self) -> Result<()> {
        if self.orders.is_empty() {
            return Ok(());
        }
        let chosen = self.chance.between(0, self.orders.len() as u64) as usize;
        let order = self.orders.swap_remove(chosen);
        self.office(&format!("DELETE FROM orders WHERE id = {order};"))?;
        Ok(())
    }

    fn reprice(&mut self) -> Result<()> {
        let product = self.chance.between(1, self.products + 1);
        let percent = self.chance.between(80, 120);
        self.office(&format!(
            "UPDATE products SET price = ROUND(price * {percent} / 100, 2) WHERE id = {product};"
        ))?;
        Ok(())
    }

    fn restock(&mut self) -> Result<()> {
        let first = self.chance.between(1, self.products);
        let count = self.chance.between(20, 200);
        self.office(&format!(
            "UPDATE products SET stock = stock + {count} WHERE id BETWEEN {first} AND {};",
            first + 4
        ))?;
        Ok(())
    }
}

/// Event times and `NOW()` of what follows: the shop's time, to the second.
fn stamp(now: u64) -> String {
    format!("SET TIMESTAMP = {now};\n")
}
