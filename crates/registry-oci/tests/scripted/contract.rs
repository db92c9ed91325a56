//! The port's contract, against registries with all their habits.

use lodeman_registry::contract;

use crate::model::{Door, Habits, Model, Paging};
use crate::server::{account, client_with};

#[tokio::test]
async fn the_contract_holds_whatever_a_registrys_habits_are() {
    let habits = Habits::default();
    for (name, habits) in [
        ("plain", habits),
        ("bearer", Habits { door: Door::Bearer("token"), ..habits }),
        ("bearer with access_token", Habits { door: Door::Bearer("access_token"), ..habits }),
        ("basic", Habits { door: Door::Basic, ..habits }),
        ("HEAD refused with 405", Habits { head_status: Some(405), ..habits }),
        ("HEAD refused with 404", Habits { head_status: Some(404), ..habits }),
        ("no digest header", Habits { tells_digest: false, ..habits }),
        ("pages with a relative link", Habits { paging: Paging::RelativeLink(5), ..habits }),
        ("pages with an absolute link", Habits { paging: Paging::AbsoluteLink(5), ..habits }),
        (
            "all of it at once",
            Habits {
                door: Door::Bearer("access_token"),
                head_status: Some(405),
                tells_digest: false,
                paging: Paging::RelativeLink(3),
            },
        ),
    ] {
        let model = Model::start(habits).await;
        let host = model.server.host();
        let (client, _) = client_with(|config| config.credentials = vec![account(&host, "ann", "s3cret")]);
        contract::run_all(&client, &model).await;
        assert!(!model.server.seen().is_empty(), "{name}");
    }
}
