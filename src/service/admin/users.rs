//! Users as operators manage them. Passwords are hashed on the blocking pool.

use secrecy::SecretString;

use super::{AdminService, change};
use crate::control::ControlError;
use crate::control::keys::Dialect;
use crate::control::passwords::{PasswordCost, Passwords, login_secret};
use crate::control::plans;
use crate::control::users::{NewUser, User};
use crate::service::ServiceError;
use crate::types::{ErrorKind, TenantId, UserId};

/// Characters of the shortest password an operator may give.
pub const PASSWORD_CHARS_MIN: usize = 8;

/// A user to be made.
#[derive(Debug)]
pub struct UserOrder {
    pub dialect: Dialect,
    pub username: String,
    pub email: Option<String>,
    pub name: Option<String>,
    /// Where what the user stores belongs; `None` for a tenant of their own, which is made.
    pub tenant: Option<TenantId>,
    pub is_admin: bool,
    /// In clear.
    pub password: SecretString,
}

impl AdminService {
    /// Every user of a dialect, or of all, oldest first.
    #[must_use]
    pub fn users(&self, dialect: Option<Dialect>) -> Vec<User> {
        let dialects = Dialect::ALL.into_iter();
        let wanted = dialects.filter(|known| dialect.is_none_or(|wanted| wanted == *known));
        wanted.flat_map(|dialect| self.directory().users(dialect)).collect()
    }

    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub fn user(&self, id: UserId) -> Result<User, ServiceError> {
        Ok(self.directory().get_user(id)?)
    }

    /// Creates a user and, unless one is named, a tenant of their own.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a bad name or password, [`ErrorKind::Conflict`] for a name
    /// that is taken, [`ErrorKind::NotFound`] for the tenant.
    pub async fn create_user(&self, order: UserOrder) -> Result<User, ServiceError> {
        check_password(&order.password)?;
        let taken = [Some(&order.username), order.email.as_ref()].into_iter().flatten();
        for name in taken {
            if self.directory().find_user(order.dialect, name).is_some() {
                let message = format!("there is a user {name:?} already");
                return Err(ServiceError::new(ErrorKind::Conflict, message));
            }
        }
        let own_tenant = match order.tenant {
            Some(_) => None,
            None => {
                let (name, plan) = (order.username.clone(), plans::LOCAL.to_owned());
                Some(self.create_tenant(name, plan, None, None).await?.tenant.id)
            }
        };
        let created = change(&self.registry, move |directory| {
            let secret = login_secret(order.dialect, &order.username, &order.password);
            let password = passwords()?.hash(&secret)?;
            directory.create_user(NewUser {
                dialect: order.dialect,
                username: &order.username,
                email: order.email.as_deref(),
                name: order.name.as_deref(),
                tenant: order.tenant.or(own_tenant),
                is_admin: order.is_admin,
                password: Some(password),
            })
        })
        .await;
        if let (Err(_), Some(tenant)) = (&created, own_tenant) {
            // Empty as it is, it would only be in the way.
            if let Err(error) = self.registry.delete_tenant(tenant).await {
                tracing::warn!(tenant.id = %tenant, error = %error, "an empty tenant was left");
            }
        }
        created
    }

    /// Gives a user another password and ends their sessions.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], and [`ErrorKind::InvalidInput`] for a bad password.
    pub async fn set_password(
        &self,
        id: UserId,
        password: SecretString,
    ) -> Result<User, ServiceError> {
        check_password(&password)?;
        change(&self.registry, move |directory| {
            let user = directory.get_user(id)?;
            let secret = login_secret(user.dialect, &user.username, &password);
            directory.set_password(id, passwords()?.hash(&secret)?)?;
            Ok(user)
        })
        .await
    }

    /// Deletes a user and ends their sessions. Their tenant stays.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub async fn delete_user(&self, id: UserId) -> Result<User, ServiceError> {
        change(&self.registry, move |directory| directory.delete_user(id)).await
    }
}

fn check_password(password: &SecretString) -> Result<(), ServiceError> {
    use secrecy::ExposeSecret;
    if password.expose_secret().chars().count() >= PASSWORD_CHARS_MIN {
        return Ok(());
    }
    let message = format!("password has fewer than {PASSWORD_CHARS_MIN} characters");
    Err(ServiceError::new(ErrorKind::InvalidInput, message))
}

fn passwords() -> Result<Passwords, ControlError> {
    Ok(Passwords::new(PasswordCost::default())?)
}
