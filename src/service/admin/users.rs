//! Users as operators manage them. Passwords are hashed on the blocking pool.

use secrecy::SecretString;

use super::{AdminService, change};
use crate::actors::placement::choose_shard;
use crate::control::ControlError;
use crate::control::keys::Dialect;
use crate::control::passwords::{PasswordCost, Passwords, login_secret};
use crate::control::plans;
use crate::control::tenants::NewTenant;
use crate::control::users::{NewUser, User};
use crate::service::ServiceError;
use crate::service::people::PASSWORD_CHARS_MIN;
use crate::types::limits::LABEL_CHARS_MAX;
use crate::types::{ErrorKind, ShardNo, TenantId, UserId};

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
        let shards = self.registry.shards().for_new_tenants();
        if order.tenant.is_none() && shards.is_empty() {
            let message = "no shard takes new tenants; see `hebbd shard list`";
            return Err(ServiceError::new(ErrorKind::Unavailable, message));
        }
        change(&self.registry, move |directory| {
            // As it is stored: what clients hash has no blanks around it.
            let username = order.username.trim();
            let secret = login_secret(order.dialect, username, &order.password);
            let user = NewUser {
                dialect: order.dialect,
                username,
                email: order.email.as_deref(),
                name: order.name.as_deref(),
                tenant: order.tenant,
                is_admin: order.is_admin,
                password: Some(passwords()?.hash(&secret)?),
                goals: None,
            };
            if order.tenant.is_some() {
                return directory.create_user(user);
            }
            let label: String = username.chars().take(LABEL_CHARS_MAX).collect();
            let plan = plans::LOCAL;
            let tenant = NewTenant::named(&label, plan);
            let place = |id| choose_shard(id, &shards).unwrap_or(ShardNo(0));
            directory.sign_up_user(&tenant, place, user)
        })
        .await
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
