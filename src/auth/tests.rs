use super::crypt::{Hashing, Stored};
use super::*;

fn check(stored: &str, password: &str) -> (bool, u32) {
    let stored = Stored::parse(stored).unwrap();
    let mut hashing = Hashing::begin(&stored, password.as_bytes()).unwrap();
    let mut steps = 1;
    loop {
        match hashing.step(&stored) {
            Some(right) => return (right, steps),
            None => steps += 1,
        }
    }
}

/// Hashes that crypt(3) of libxcrypt gave, and their passwords. The first six are also those of the specifications.
const VECTORS: &[(&str, &str)] = &[
    (
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
        "Hello world!",
    ),
    ("$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"),
    ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
    ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*"),
    ("$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U"),
    ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy", ""),
    ("dHucwM5GiSOwI", ""),
    ("47lT3UOIBqdJQ", "9"),
    ("P2OnyRQp3PT26", ")g7d/"),
    ("5DH8BNbxbeAkI", "f!:eZf=!"),
    ("ZpmXDPvM5pIfk", "Yd\\9dYc= "),
    ("cvTd06PISTXP.", "i)h\\3=kg\\l7g=e\\dX&)!"),
    ("$1$$qRPK7m23GJusamGpoGLby/", ""),
    ("$1$iaTLT8az$WtzFHRa.nEwvf3qDvhMwr1", "$"),
    ("$1$JfH$DBkDMOUDhVQQVfbQT65zL1", "5\"2eh/:"),
    ("$1$5btYlg0v$6mvCY6OidLwqoJKEWG2bj1", "&:ce=\\456&$ef1%e"),
    ("$1$XFrXp$IcIDedvG4eQgp.YRplE3c0", "6jh&dX2 Z99&fj\"9="),
    ("$1$b8GBfVxI$iTJZ4CB53LB0enObqoz6h0", "68YifkiYYa&k02ai:)7\\4 /d$=9999g%9dleX\"jh5dga\\i)g7beX8i067%hh&$%%"),
    (
        "$1$6CRB8VW3$NB0q7isJc3EMVYFe1Ftyx/",
        "(bX(7i)b(3f0(7j6Y))/5YlZ9Yl(&6bb1%0l6\"67fYgY%l5X%a%6fh8l%k!5f9$9fjj bi$i%6i== bag( !lXb0X2/Z40): d6$(:/ )i(/b\"kaiki%h=d4((=%g=dZl1cg/\"=be\"4//l1\"/)%/Z(0=l\" :h9\"4eZ!eX3hi7i0 $Yg9&jYj!/95:l64f7b5=$\"b85(2",
    ),
    ("$5$$3c2QQ0KjIU1OLtB29cl8Fplc2WN7X89bnoEjaR7tWu.", ""),
    ("$5$WEqVnHzd9X5Lq7W0$lgADDT6kzvJO/.aKelGdRkF1X2jOX3eZnI8oUO3T9T0", "k"),
    ("$5$rounds=1000$S$Cyi14olETKJD45Ku1YLzWsNLsRTiFdlPeoDMb/XVDX6", "f0fYe0h$a5=:1 c"),
    (
        "$5$rounds=1234$bPRfNFng4E/7UrI5$kYrzwsEzwi1PvMuJ.xUEZWoKCGSC0IUCDGE94MxslD6",
        "hj0dkl33(X2\"/k16b0cab/=l/%Z\"g!&)9",
    ),
    (
        "$5$rounds=1000$R813FiBk$/y5S0t0LdYc4HUmz9.59Ttsps5Hx1InsXR7SBYDH7g/",
        "f8/2Z2c$kj1\"a075=4Zc3X6ka58f%1/lZ/af0fi9c9b33Yf(i84&i2ic/!/ (/\\b",
    ),
    (
        "$5$rounds=1000$lOO79GVi$sJFNTgWAohLMkMnceBzdkM/EJESxgft8RU9mXdalAhA",
        "\"=db)Z&0a$e/)f(e%0e0ZXY$&8e%2clei503\\ a%d&1gX&2(2$$$h=l3f%b2$e/\"1",
    ),
    (
        "$5$rounds=1000$9WTlntrb0E2qwy.7$875swGMoAV0dS4dzpuC8p9QR2z85.cA4WfnfMKLTe49",
        " /1h7Y&&9bja&\"93i:684h5a459hla207e98e7!1d1gd2iZ1!/4l7!b9==Xfd:\" 2&d= j%:523009Z3%=9hjjeX/&=Y\"5\"! =lZfk5=f4Z70\\lb:8:(X815d&1\\7 /(X",
    ),
    (
        "$5$rounds=1000$D4MM7jKtV.BgP2jf$SIWHkHuDlbjEvZEKxbg6WwxShr0OjEud4TKSZMsSEt3",
        "9($\"ZgYii(g$f=ca Y\\c3 0(!hge3(l80Yaa)3$14Z%(Z=Zb:3dbl&:f0Y!7Y&c5:79la2/eX&l3lY$Y02g&kY&:di9dXbi:ddk9\"4hfj5lk($c3875\"jgaf1f6:h=X863!fd%l7)\"l47%b:Z9c8c$ed0le5715c0413aebYg%$80!& &ka3iZ44$7f/l9jZ:ec%=)4j!ge0fXg:&\"kY :$Z)h221\\1700l\"ZkZZi2l4e90Z/(Yg$cga%Y\"7c2Y",
    ),
    ("$6$$/chiBau24cE26QQVW3IfIe68Xu5.JQ4E8Ie7lcRLwqxO5cxGuBhqF2HmTL.zWJ9zjChg3yJYFXeGBQ2y3Ba1d1", ""),
    ("$6$3OU2O/dojLb7O2zx$oMiFx..Qvsj3ig59bZaV5.5KtsOyMKPnCLTonWsQ/.ECfBLWBLIkNtovYGWmo5/QRgSj2E9A5tWOd4gcRsCr80", "i"),
    (
        "$6$rounds=1000$4$m32bf//kbiMkXYRAKzipinCekplTQMgH6Gcec.i1UyhcHTZ7bzdZAIWtL3I7uYTtOmbWVmebQS6dn7v0vRxmD.",
        "e:g9=i)fj91:23:",
    ),
    (
        "$6$rounds=1234$GgYIJ6BlyNaE3xc4$NQ71Y3Du6yWPPbhK94R1nUJVo0kf3m47Q4iCtk3ADbLKU8XDSR/0WDY7h90w3zNoaHBs/1B0z27b8NM1MSTOh0",
        "3\\6::b7l99Xa!j!hf9\\7$j ad=i9f\\7/j",
    ),
    (
        "$6$rounds=1000$84kF16CM$LwagQDl5Xj21Z4rS7w8bfAqml7i2h/h6AnkYjFSqzcrA1UQrE3TcVxNO4rDaiqJejaka82cX/4kflRbGR.xzi1",
        "8fjY9l%k\\Xc9(j86hiZlc=c4h8$=3:3Z!87\"/\"kba&$Z\"$k%9ge 6!7f\"//cc f4",
    ),
    (
        "$6$rounds=1000$Zrpi4EyR$RWk81/7HY2GRtMID2gegGj3Rx1YK5kAtpuS4hbSSZbbrwsWROVFeCGwLP9.2uiVeHsQGjlDrwl3ndpOEOqjKD/",
        " &2jYe60j41$i0/%X0/Z47clk9j148j0h(d7\"=(g0)97087\\i75f\"Ykd2(034acYi",
    ),
    (
        "$6$rounds=1000$3F3636iN6lBTOOC2$fkXR/4HU8B3R4JfyMyu.f7OpvN8wSKNzCkUO7O3MX2T9xHhmYNpkdYJLTMvAMYtl.pLOq93vRJfr8nhMycjOQ1",
        "cbda\\63g(6)Y:3 X7%j aZi\"gei190ad=6\"(&Zjacd)b9kZjdga=li:l(/:k/3e3d%)a8!$f\"kYg0Ych50d1=!(02Xf/aj0Zlj4l85Z8)%%(ab!Y\\3X9e\\jicbhgj6ibb",
    ),
    (
        "$6$rounds=1000$Tadxyq8iHal58dFg$GAMPtiGUas9HQHmBeDVlN6rgRB/lqrR56lGN.rk16qIJcIAo6HT21MJQa93gfJ.CzcJKVkoLmcLwClnIO168H/",
        "cf2%g gX245!0b602d74/%2b:b!(g6%d)\\Xf\\2j!a(l2da6&g&k&6/0\\j2XY&jhf&=g46g99f!b7X30!)/j8Y$ )c64(i\"=4j$\"0Y 5$Z/l13iiZ4(6jZ4l0gjgl8ii33!1lgg1X8$ca9!Y/2$bi09aZ!\\:YYkh$!40g:Z9j0!%$b:(k4a8&gc0)Xjl(6g\\$)X%/b7(5:$Xk9/h6d0189dae::60gY39(Y9$Xj el%=Yi6:$2= %6Y180!k%a16",
    ),
    ("$2b$04$//O7ZUAGRLtgHOnJ9aNzP.03xX5VMfTl.86/jVHSg54/5Eu5iHdmq", ""),
    ("$2y$04$8sCDVpRFwz5xvGyTzJ.Id.h9AutnB5QTQpZLMdoGATEsK6HHecWii", "("),
    ("$2b$05$2PpEfAifwOYrfqU4ZZhzn.5hBhgnHl244BNDExI2qBgt/BrO2bIyK", "$\\&2$7!:ek7bbc5g/%&i"),
    (
        "$2b$04$woB8wPH/q./D9PDEw0XTt.tcemhMMBzIkdEWrK3KS8fx04qv1auai",
        "5/1/6X&h5l43 fc9=9)\\d93gacl%d/)8ifXc$kgkc:ga7 3=03k:c4b!\\d&\\(ch:\\9\"ea8i",
    ),
    (
        "$2y$04$ykNRb5mvOU/lu9h6RmVdx.W6Rc6nGpk/XuIF9FTE9due1m9qCZYRe",
        "kd7if2=&$0dcadaf833j&d47\\\"%jih7j:%8\"1\\521d5ai3!Z888Y\"2a401!jc2i\\i1=&6)f)",
    ),
    (
        "$2b$04$QK2Uh514Vx5AGc.NasBwd.8I7PbE4qbHwpLENQYF33ycouzD9DqZq",
        "/llXlfk27\\\\69(iZc&7g7$fi4b61(bgcX\\&\\X01!g\" 0c5lk8fbdc=7$&e9hf04\\Yf/9k\"j7Z",
    ),
    (
        "$2a$04$LFLRKN89zXKOFMbN/6o5g.P9sRnec.6lz3aUQSvjkSSc8aajASpNm",
        "708h7%8j\"Zia$lcjYe7 \"g8be\"54Y%h7i5Ydk\"=i\"i1::Zib1\\25j0&g4$%hi/dX=%2h0l7!0ZZg82:jd2ib\"/5/ \"a(2k7!c:X1",
    ),
    ("$2b$04$eYz9/oxFWTLi2Ij.ht7Dh.CHJtoXjB.ySOvUqqbcgoCjRhAtzxF3.", "ä€"),
    ("abst010HHrv5U", "ä€"),
    ("$6$rounds=1000$ab$izZCOTKdVCRw9aulG1t5IFEtSUZZCO6QNbz3GruCBRFdnRId4a4tZdYoZFhcHoxp1rZxFn/ENq8O9eMvWa.E//", "ä€"),
];

#[test]
fn hashes_are_those_of_crypt() {
    for (secret, password) in VECTORS {
        assert!(check(secret, password).0, "{secret} {password}");
    }
}

#[test]
fn other_passwords_are_wrong() {
    for (secret, password) in VECTORS.iter().step_by(3) {
        let first = password.chars().next().map_or('x', |c| if c == 'x' { 'y' } else { 'x' });
        let other: String = std::iter::once(first).chain(password.chars().skip(1)).collect();
        assert!(!check(secret, &other).0, "{secret} {other}");
    }
}

/// However long the password is, a step stays short, and the number of steps grows with the rounds alone.
#[test]
fn steps_are_counted() {
    let long = "a".repeat(LONGEST);
    let six =
        "$6$rounds=1000$ab$KvRrc0bxRLyTUhO8OJOmRczh7oCol5BACiR8rmdfVzvuGgm8JmLDumsL/ah.jFtT.DswxoP9Nv3ByfU4j5hm/0";
    assert!(check(six, "a").1 > 1000 / 8);
    assert!(check(six, &long).1 > 1000);
    assert_eq!(check("$2b$04$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy", "a").1, 33);
    let stored = Stored::parse(six).unwrap();
    assert!(Hashing::begin(&stored, &vec![b'a'; LONGEST + 1]).is_none());
}

#[test]
fn what_cannot_be_checked_is_told() {
    let digits = |n| "a".repeat(n);
    for (text, want) in [
        ("$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7", "yescrypt ($y$) is not built"),
        ("$7$CU..../....x$y", "scrypt ($7$) is not built"),
        ("$apr1$abc$xyz", "Apache's own kind"),
        ("$3$$abc", "the hash method $3$ is not known"),
        ("$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "faulty bcrypt"),
        ("$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "from 04 to 31"),
        ("$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe", "not of the form"),
        ("_J9..rasmBYk8r9AiWNc", "extended DES"),
        ("$1$abc", "ends after its salt"),
        (&format!("$1$123456789${}", digits(22)), "salt has 9 characters, more than 8"),
        (&format!("$5$abc${}", digits(42)), "43 of the characters"),
        (&format!("$6$rounds=999$abc${}", digits(86)), "'999' rounds"),
        (&format!("$6$rounds=05000$abc${}", digits(86)), "'05000' rounds"),
        (&format!("$6$abc${}:", digits(85)), "86 of the characters"),
        ("secret", "no password hash"),
        ("", "no password hash"),
    ] {
        let (Unusable::NotBuilt(message, _) | Unusable::Broken(message, _)) = Secret::parse(text).unwrap_err();
        assert!(message.contains(want), "{text}: {message}");
    }
    assert_eq!(Secret::parse("!$6$x"), Ok(Secret::Locked));
    assert_eq!(Secret::parse("*"), Ok(Secret::Locked));
}

/// Cheap hashes of "Hello world!" and of "U*U", so that the tests do not wait.
const HELLO: &str = "$1$helloabc$1VR7MfrV6a8fDs7ZPI.er.";
const U_U: &str = "$2b$04$CCCCCCCCCCCCCCCCCCCCC.K7Qr0se1MxuggH4aP4YgB.U2Em1pGSK";

fn lists() -> Vec<Userlist> {
    let user = |name: &str, secret| User { name: name.into(), secret, groups: Vec::new() };
    let hashed = |text| Secret::parse(text).unwrap();
    let first = vec![user("ada", hashed(HELLO)), user("bob", Secret::plain("pw")), user("eve", hashed(HELLO))];
    let second = vec![user("ada", hashed(U_U)), user("zoe", Secret::Locked)];
    vec![
        Userlist { name: "one".into(), users: first, groups: Vec::new(), first: 0 },
        Userlist { name: "two".into(), users: second, groups: Vec::new(), first: 3 },
        Userlist { name: "empty".into(), first: 5, ..Userlist::default() },
    ]
}

const fn q<'a>(list: usize, user: &'a str, password: &'a str) -> Question<'a> {
    Question { list, user: user.as_bytes(), password: password.as_bytes() }
}

/// Steps until nobody is busy; who was woken, in order.
fn finish(v: &mut Verifier, lists: &[Userlist]) -> Vec<usize> {
    let mut woken = Vec::new();
    while v.is_busy() {
        v.step(lists, |who| woken.push(who));
    }
    woken
}

#[test]
fn a_password_is_hashed_once() {
    let lists = lists();
    let mut v = Verifier::new(&lists, 4, [7; KEY_BYTES]);
    for (password, right) in [("Hello world!", true), ("hello world!", false)] {
        let question = q(0, "ada", password);
        assert_eq!(v.ask(&lists, question, None), None, "without a session nothing begins");
        assert!(!v.is_busy());
        assert_eq!(v.ask(&lists, question, Some(2)), None);
        assert_eq!(v.ask(&lists, question, Some(3)), None, "a second one waits for the same");
        assert_eq!(finish(&mut v, &lists), [2, 3]);
        assert_eq!(v.ask(&lists, question, Some(2)), Some(right));
        assert_eq!(v.ask(&lists, question, None), Some(right));
    }
    assert_eq!(v.hashed, 2);
    // Another list, or another user, is another question.
    assert_eq!(v.ask(&lists, q(1, "ada", "Hello world!"), None), None);
    assert_eq!(v.ask(&lists, q(0, "eve", "Hello world!"), None), None);
}

#[test]
fn what_needs_no_hash_is_known_at_once() {
    let lists = lists();
    let mut v = Verifier::new(&lists, 4, [7; KEY_BYTES]);
    for (question, right) in [
        (q(0, "bob", "pw"), true),
        (q(0, "bob", "pW"), false),
        (q(0, "bob", "pw1"), false),
        (q(0, "bob", ""), false),
        (q(1, "zoe", ""), false),
        (q(2, "ada", "U*U"), false),
    ] {
        assert_eq!(v.ask(&lists, question, Some(1)), Some(right), "{question:?}");
    }
    assert!(!v.is_busy());
}

/// Nobody is let in by the password of the user whose secret it was compared with.
#[test]
fn unknown_users_cost_what_known_ones_do() {
    let lists = lists();
    let mut v = Verifier::new(&lists, 1, [7; KEY_BYTES]);
    let mut began = 0;
    for n in 0..8 {
        let name = format!("nobody{n}");
        for password in ["Hello world!", "pw", "U*U"] {
            for list in [0, 1] {
                if v.ask(&lists, q(list, &name, password), Some(0)).is_none() {
                    began += 1;
                    finish(&mut v, &lists);
                }
                assert_eq!(v.ask(&lists, q(list, &name, password), Some(0)), Some(false));
            }
        }
    }
    assert!(began > 12, "{began} of 48");
}

/// More sessions than seats: each is woken, whatever the others do, and some end before their turn.
#[test]
fn who_finds_no_seat_is_woken_later() {
    let lists = lists();
    let sessions = 40;
    let mut v = Verifier::new(&lists, sessions, [7; KEY_BYTES]);
    let password = |who: usize| format!("wrong{}", who % 30);
    let (mut runnable, mut done): (Vec<usize>, Vec<bool>) = ((0..sessions).collect(), vec![false; sessions]);
    let mut round = 0;
    while done.iter().any(|d| !d) {
        round += 1;
        assert!(round < 100_000, "{done:?}");
        for who in std::mem::take(&mut runnable) {
            if who % 7 == 3 && round > 10 {
                done[who] = true;
                v.forget(who, |w| runnable.push(w));
            } else if let Some(right) = v.ask(&lists, q(1, "ada", &password(who)), Some(who)) {
                assert!(!right);
                done[who] = true;
            }
        }
        v.step(&lists, |w| runnable.push(w));
    }
    assert!(!v.is_busy());
    // Three passwords were wanted only by sessions that ended.
    assert_eq!(v.hashed, 27);
}

/// A session that asks two questions in turn has both answers in the end, though each waits.
#[test]
fn two_questions_of_one_session() {
    let lists = lists();
    let mut v = Verifier::new(&lists, 3, [7; KEY_BYTES]);
    let mut turns = 0;
    loop {
        let answers = [q(0, "ada", "no"), q(1, "ada", "no")].map(|one| v.ask(&lists, one, Some(1)));
        if answers == [Some(false), Some(false)] {
            break;
        }
        turns += 1;
        assert!(finish(&mut v, &lists).contains(&1));
    }
    assert_eq!((turns, v.hashed), (2, 2));
}

#[test]
fn a_request_that_ended_is_hashed_no_further() {
    let lists = lists();
    let mut v = Verifier::new(&lists, 3, [7; KEY_BYTES]);
    assert_eq!(v.ask(&lists, q(0, "ada", "Hello world!"), Some(0)), None);
    assert_eq!(v.ask(&lists, q(0, "ada", "Hello world!"), Some(1)), None);
    v.step(&lists, |_| {});
    let mut woken = Vec::new();
    v.forget(0, |w| woken.push(w));
    // The other one, which waited for the same, begins anew.
    assert_eq!(woken, [1]);
    assert_eq!(v.ask(&lists, q(0, "ada", "Hello world!"), Some(1)), None);
    assert_eq!(finish(&mut v, &lists), [1]);
    assert_eq!(v.ask(&lists, q(0, "ada", "Hello world!"), Some(1)), Some(true));
}
